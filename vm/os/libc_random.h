/* SPDX-License-Identifier: MIT */
/* The numbers of the C library's rand() and random(), with a state of one's own instead of the
 * process': after the same seed they are the same numbers. One owner, one thread.
 */
#ifndef OS_LIBC_RANDOM_H
#define OS_LIBC_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

#include "base/status.h"

struct libc_random {
  struct random_data data;
  int32_t state[32]; /* the size that rand() has: another one gives other numbers */
};

/* Seeded by the system, with more than a seed of srand() holds. The struct must not be moved. -ENAME: the
 * system has no random bytes. */
MUST_CHECK status libc_random_init(struct libc_random *r);
/* As srand(seed). */
void libc_random_seed(struct libc_random *r, unsigned seed);
/* As random(): 0 … 2^31 - 1. */
int32_t libc_random_next(struct libc_random *r);

#endif
