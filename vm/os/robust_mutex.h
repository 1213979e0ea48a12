/* SPDX-License-Identifier: MIT */
/* A mutex in shared memory that outlives its holder.
 *
 * When the holder dies, the kernel marks the mutex (robust futexes); no timeout is involved. The
 * next thread that locks it gets ROBUST_ABANDONED, repairs what the mutex protects, and marks the
 * mutex as consistent.
 */
#ifndef OS_ROBUST_MUTEX_H
#define OS_ROBUST_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/annotations.h"
#include "os/futex.h"

struct robust_mutex {
  _Alignas(8) pthread_mutex_t mutex;
};

enum robust_state {
  ROBUST_CLEAN,     /* locked, and what it protects is consistent */
  ROBUST_ABANDONED, /* locked; the last holder died: repair, then call robust_mutex_mark_whole */
};

/* In memory that may be shared between processes; before any other process sees it. */
void robust_mutex_init(struct robust_mutex *m);
/* Spins for a short time, then sleeps. */
MUST_CHECK enum robust_state robust_mutex_lock(struct robust_mutex *m);
/* After a repair, with the lock held. */
void robust_mutex_mark_whole(struct robust_mutex *m);
/* By the thread that locked it. */
void robust_mutex_unlock(struct robust_mutex *m);

/* The memory of the mutexes that other processes can write; see linux/robust_mutex.c. */
void robust_mutex_allow(const void *start, size_t size);

/* The futex word inside, for waiters for the holder's death. */
futex_word *robust_mutex_word(struct robust_mutex *m);
/* True once the holder has died, until the next thread locks the mutex. */
bool robust_mutex_is_abandoned(struct robust_mutex *m);
/* Asks the kernel to wake sleepers on the word when the holder dies. *expected is the value to
 * sleep on. False: the holder is dead already. */
bool robust_mutex_watch(struct robust_mutex *m, uint32_t *expected);

#endif
