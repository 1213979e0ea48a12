/* SPDX-License-Identifier: MIT */
/* What there is to know, and to tell the kernel, about pages of memory. Any thread. */
#ifndef OS_PAGES_H
#define OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Below it a block is not worth the system call. */
enum { PAGES_LARGE = 4 << 20 };

/* The block is large and about to be filled: huge pages where the kernel has them, for a fault on each small
 * page costs more than what is copied to it. Whether it helps or not changes nothing else. */
void pages_prefer_huge(void *block, size_t size);

/* A C stack of `size` bytes, above a page that may not be touched. Its pages exist once they are
 * touched. */
MUST_CHECK status pages_make_stack(size_t size, void **bottom);
/* `bottom` and `size` of pages_make_stack: the page below goes, too. No code may run on it. */
void pages_free_stack(void *bottom, size_t size);

/* Whether the byte of a file that its descriptor reads next is in memory, so that no disk is waited for; also at the end
 * of the file. False where the system does not say. */
bool pages_have_next(int descriptor);

/* The memory of this machine, in bytes. */
size_t pages_physical(void);
/* How much of it this process can have: all, or less where a control group limits it. */
uint64_t pages_limit(void);

#endif
