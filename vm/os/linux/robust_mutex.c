/* SPDX-License-Identifier: MIT */
/* POSIX robust mutexes, shared between processes.
 *
 * glibc keeps the futex word first in the mutex (nptl/pthreadP.h, glibc 2.36): thread id, FUTEX_WAITERS,
 * FUTEX_OWNER_DIED. Only robust_mutex_word and its two users rely on that.
 */
#include "os/robust_mutex.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "base/check.h"
#include "os/clock.h"

enum { SPIN_ROUNDS = 60 };

void robust_mutex_init(struct robust_mutex *m) {
  memset(m, 0, sizeof *m);
  pthread_mutexattr_t attributes;
  CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
  CHECK_EQ(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
  CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
  CHECK_EQ(pthread_mutex_init(&m->mutex, &attributes), 0);
  pthread_mutexattr_destroy(&attributes);
}

/* Critical sections take some tens of nanoseconds; a sleep costs a thousand times as much. */
static int lock_contended(pthread_mutex_t *mutex) {
  for (int round = 0; round < SPIN_ROUNDS; round++) {
    for (int pause = 0; pause <= (round & 7); pause++) cpu_relax();
    const int result = pthread_mutex_trylock(mutex);
    if (result != EBUSY) return result;
  }
  return pthread_mutex_lock(mutex);
}

enum robust_state robust_mutex_lock(struct robust_mutex *m) {
  int result = pthread_mutex_trylock(&m->mutex);
  if (result == EBUSY) result = lock_contended(&m->mutex);
  if (result == EOWNERDEAD) return ROBUST_ABANDONED;
  CHECK_EQ(result, 0);
  return ROBUST_CLEAN;
}

void robust_mutex_mark_whole(struct robust_mutex *m) { CHECK_EQ(pthread_mutex_consistent(&m->mutex), 0); }
void robust_mutex_unlock(struct robust_mutex *m) { CHECK_EQ(pthread_mutex_unlock(&m->mutex), 0); }

futex_word *robust_mutex_word(struct robust_mutex *m) { return (futex_word *)(void *)&m->mutex; }

bool robust_mutex_is_abandoned(struct robust_mutex *m) {
  return (atomic_load_explicit(robust_mutex_word(m), memory_order_acquire) & FUTEX_OWNER_DIED) != 0;
}

bool robust_mutex_watch(struct robust_mutex *m, uint32_t *expected) {
  futex_word *word = robust_mutex_word(m);
  uint32_t seen = atomic_load(word);
  for (;;) {
    if (seen & FUTEX_OWNER_DIED || seen == 0) return false;
    if (seen & FUTEX_WAITERS || atomic_compare_exchange_weak(word, &seen, seen | FUTEX_WAITERS)) break;
  }
  *expected = seen | FUTEX_WAITERS;
  return true;
}
