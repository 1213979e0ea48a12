/* SPDX-License-Identifier: MIT */
/* A mutex in shared memory that outlives its holder.
 *
 * When the holder dies, the kernel marks the mutex (robust futexes); no timeout is involved. The
 * next thread that locks it gets ROBUST_ABANDONED and repairs what the mutex protects. If it dies
 * meanwhile, the mutex is abandoned again.
 *
 * Other processes may write anything into the mutex: its holder may then wait forever, or be
 * passed, but reads and writes no memory that such a word points to.
 */
#ifndef OS_ROBUST_MUTEX_H
#define OS_ROBUST_MUTEX_H

#include <stdbool.h>

#include "base/annotations.h"
#include "os/futex.h"

/* The places of its parts are those of glibc's pthread_mutex_t; see linux/robust_mutex.c. */
struct robust_mutex {
  _Alignas(8) futex_word word;
  uint32_t unused[5];
  void *previous;
  void *next;
};

enum robust_state {
  ROBUST_CLEAN,     /* locked, and what it protects is consistent */
  ROBUST_ABANDONED, /* locked; the last holder died: repair, then unlock */
};

/* In memory that may be shared between processes; before any other process sees it. */
void robust_mutex_init(struct robust_mutex *m);
/* Spins for a short time, then sleeps. A thread holds 16 at most. */
MUST_CHECK enum robust_state robust_mutex_lock(struct robust_mutex *m);
/* For data that is whole at each instant: the death of a holder leaves nothing to repair. */
static inline void robust_mutex_lock_whole(struct robust_mutex *m) { (void)!robust_mutex_lock(m); }
/* By the thread that locked it. */
void robust_mutex_unlock(struct robust_mutex *m);

/* The futex word inside, for waiters for the holder's death. */
futex_word *robust_mutex_word(struct robust_mutex *m);
/* True once the holder has died, until the next thread locks the mutex. */
bool robust_mutex_is_abandoned(struct robust_mutex *m);
/* Asks the kernel to wake sleepers on the word when the holder dies. *expected is the value to
 * sleep on. False: the holder is dead already. */
bool robust_mutex_watch(struct robust_mutex *m, uint32_t *expected);

#endif
