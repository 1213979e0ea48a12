/* SPDX-License-Identifier: MIT */
/* Private memory of the runtime. An allocation that fails returns NULL; it never exits.
 *
 * Test builds (MM_FAULTS) can make the n-th allocation from now fail, so that a test can fail each
 * allocation of an operation in turn.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/annotations.h"

/* `size` bytes, zeroed; NULL: out of memory. The caller owns them. Any thread. */
MUST_CHECK void *memory_alloc(size_t size);
/* As realloc. NULL: out of memory; the old block is unchanged and still the caller's. New bytes are
 * not zeroed. */
MUST_CHECK void *memory_resize(void *block, size_t size);
/* A copy of `size` bytes of text, with a zero byte behind; NULL: out of memory. The caller owns
 * it. */
MUST_CHECK char *memory_copy_text(const char *text, size_t size);
/* Frees; NULL is allowed. */
void memory_free(void *block);

#if defined(MM_FAULTS)
/* The `countdown`-th allocation from now fails (1: the next), once. 0 turns it off. */
void memory_fail_after(long countdown);
/* Counts one allocation and returns whether it must fail. For kinds of memory that do not come from
 * memory_alloc. */
bool memory_is_to_fail(void);
#else
static inline bool memory_is_to_fail(void) { return false; }
#endif

#endif
