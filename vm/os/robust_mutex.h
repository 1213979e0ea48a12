/* SPDX-License-Identifier: MIT */
/* A mutex in shared memory that outlives its holder.
 *
 * When a thread or process dies holding it, the next one to take it gets that as its status,
 * repairs what the lock protects, and marks the lock as consistent. The kernel notices the death
 * (robust futexes), so there is no guess and no timeout in it.
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
  ROBUST_CLEAN,     /* locked, and what it protects is whole */
  ROBUST_ABANDONED, /* locked, and the last holder died: repair, then call robust_mutex_mark_whole */
};

void robust_mutex_init(struct robust_mutex *m);
/* Spins a little, then sleeps. */
MUST_CHECK enum robust_state robust_mutex_lock(struct robust_mutex *m);
/* After a repair, with the lock held. */
void robust_mutex_mark_whole(struct robust_mutex *m);
void robust_mutex_unlock(struct robust_mutex *m);

/* The futex word inside, for waiters for the holder's death. */
futex_word *robust_mutex_word(struct robust_mutex *m);
/* True once the holder died and nobody has taken the lock since. */
bool robust_mutex_is_abandoned(struct robust_mutex *m);
/* Asks the kernel to wake sleepers on the word when the holder dies. *expected is what to sleep on;
 * false: the holder has died already. */
bool robust_mutex_watch(struct robust_mutex *m, uint32_t *expected);

#endif
