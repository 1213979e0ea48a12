/* SPDX-License-Identifier: MIT */
/* POSIX robust mutexes, shared between processes.
 *
 * glibc keeps the futex word first in the mutex (nptl/pthreadP.h, glibc 2.36): thread id, FUTEX_WAITERS,
 * FUTEX_OWNER_DIED. Only robust_mutex_word and its two users rely on that.
 *
 * glibc also links the mutexes that a thread holds, by pointers in the mutexes themselves: an unlock
 * writes through two words of shared memory, into which a peer may have written anything. So they
 * are checked: a neighbour is the head of the thread's list, lies in memory that robust_mutex_allow
 * named, or was there when this thread locked the mutex (a host's own robust mutex). The kind is
 * checked, too, because it chooses how glibc reads the rest. (glibc 2.31 to 2.39.)
 */
#include "os/robust_mutex.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "os/clock.h"

enum { SPIN_ROUNDS = 60 };

enum { KIND = 128 + 16 }; /* robust, shared between processes: checked when the first one is made */

static struct {
  _Atomic uintptr_t start; /* the memory in which neighbours may lie */
  _Atomic uintptr_t size;
  _Atomic ptrdiff_t
      list; /* from a thread's pointer to the head of its list, in all threads; 0: not known yet */
} neighbours;
static _Thread_local uintptr_t foreign_neighbour;

void robust_mutex_allow(const void *start, size_t size) {
  atomic_store(&neighbours.start, (uintptr_t)start);
  atomic_store(&neighbours.size, size);
}

static inline bool is_known(uintptr_t neighbour) {
  if (neighbour - atomic_load_explicit(&neighbours.start, memory_order_relaxed) <
      atomic_load_explicit(&neighbours.size, memory_order_relaxed))
    return true;
  return neighbour == (uintptr_t)__builtin_thread_pointer() +
                          (uintptr_t)atomic_load_explicit(&neighbours.list, memory_order_relaxed);
}

static inline void note_neighbour(const struct robust_mutex *m) {
  const uintptr_t next = (uintptr_t)m->mutex.__data.__list.__next;
  if (!is_known(next)) foreign_neighbour = next;
}

static inline void check_neighbours(const struct robust_mutex *m) {
  CHECK_EQ(*(const volatile int *)&m->mutex.__data.__kind, KIND);
  const volatile struct __pthread_internal_list *links = &m->mutex.__data.__list;
  const uintptr_t next = (uintptr_t)links->__next;
  const uintptr_t previous = (uintptr_t)links->__prev;
  CHECK(is_known(next) || next == foreign_neighbour);
  CHECK(is_known(previous) || previous == foreign_neighbour);
}

static void learn(const pthread_mutex_t *mutex) {
  struct robust_list_head *head = NULL;
  size_t size = 0;
  CHECK_EQ(syscall(SYS_get_robust_list, 0, &head, &size), 0);
  atomic_store(&neighbours.list, (ptrdiff_t)((uintptr_t)head - (uintptr_t)__builtin_thread_pointer()));
  CHECK_EQ(mutex->__data.__kind, KIND);
}

void robust_mutex_init(struct robust_mutex *m) {
  memset(m, 0, sizeof *m);
  pthread_mutexattr_t attributes;
  CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
  CHECK_EQ(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
  CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
  CHECK_EQ(pthread_mutex_init(&m->mutex, &attributes), 0);
  pthread_mutexattr_destroy(&attributes);
  if (!atomic_load(&neighbours.list)) learn(&m->mutex);
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
  if (result != EOWNERDEAD) CHECK_EQ(result, 0);
  note_neighbour(m);
  if (result == EOWNERDEAD) return ROBUST_ABANDONED;
  return ROBUST_CLEAN;
}

void robust_mutex_mark_whole(struct robust_mutex *m) { CHECK_EQ(pthread_mutex_consistent(&m->mutex), 0); }
void robust_mutex_unlock(struct robust_mutex *m) {
  check_neighbours(m);
  CHECK_EQ(pthread_mutex_unlock(&m->mutex), 0);
}

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
