/* SPDX-License-Identifier: MIT */
/* The numbers of the C library's rand() and random(), with a state of one's own instead of the
 * process': after the same seed they are the same numbers. One owner, one thread.
 */
#ifndef OS_LIBC_RANDOM_H
#define OS_LIBC_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/status.h"

/* The words of a state: the size that rand() has, for another one gives other numbers. The first word describes the
 * state; the others are numbers, of which at least one has to be odd. */
enum { LIBC_RANDOM_WORDS = 32 };

struct libc_random {
  struct random_data data;
  int32_t state[LIBC_RANDOM_WORDS];
};

/* Seeded by the system, with more than a seed of srand() holds. The struct must not be moved. -ENAME: the
 * system has no random bytes. */
MUST_CHECK status libc_random_init(struct libc_random *r);
/* As srand(seed). */
void libc_random_seed(struct libc_random *r, unsigned seed);
/* A state of these words; the first one is ignored. The struct must not be moved. */
void libc_random_set(struct libc_random *r, const int32_t *words);
/* As random(): 0 … 2^31 - 1. */
int32_t libc_random_next(struct libc_random *r);

/* The state from which the process' own rand() and random() draw, for a host whose Lua does: copies of its words, and
 * new words as for libc_random_set. A thread that draws at the same time may get a number of another sequence.
 * has: it has the usual size, without which nothing else of these may be called. */
bool libc_random_has_process(void);
void libc_random_read_process(int32_t *words);
void libc_random_write_process(const int32_t *words);
void libc_random_set_process(const int32_t *words);

#endif
