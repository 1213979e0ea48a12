/* SPDX-License-Identifier: MIT */
/* Robust futexes, as Documentation/locking/robust-futex-ABI.rst of Linux describes them.
 *
 * The word is 0, or the thread id of the holder with FUTEX_WAITERS, or FUTEX_OWNER_DIED once the kernel has
 * found it in the list of a thread that ended. A thread has one such list, which starts in private memory and
 * is linked through the mutexes that the thread holds. glibc owns its head and links pthread mutexes into it,
 * so that ours lie as those do: the list points to `next`, with `previous` before it and the word at a
 * distance that the head names (glibc 2.31 to 2.41).
 *
 * glibc's own unlock writes through the two pointers in the mutex, into which a peer may have written
 * anything. Here each thread keeps a private copy of its part of the list: the pointers in the mutexes are
 * written, for the kernel and for glibc, and never read. A neighbour may be a robust mutex of the host.
 *
 * Invariants, for a thread between two calls
 *   R1  held[0..count) are the mutexes that it holds, the one that it locked last at the end
 *   R2  held[i].next is the link after held[i].link: held[i - 1].link, a link of the host, or the head
 */
#include "os/robust_mutex.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/thread.h"

enum { SPIN_ROUNDS = 60, HELD_MAX = 16 };

typedef void *robust_link; /* points to the `next` of a mutex; the lowest bit is the kernel's */

static _Thread_local struct {
  uint32_t id; /* 0: nothing is known yet */
  unsigned count;
  struct robust_list_head *list;
  struct {
    robust_link *link;
    robust_link next;
  } held[HELD_MAX];
} self;

static atomic_bool are_forks_watched;

static robust_link *head(void) { return (robust_link *)(void *)&self.list->list.next; }
static robust_link *untagged(robust_link l) { return (robust_link *)((uintptr_t)l & ~(uintptr_t)1); }

/* The kernel looks at the list and at list_op_pending when the thread ends, at whatever instruction. */
static void in_order(void) { atomic_signal_fence(memory_order_seq_cst); }
static void set_pending(robust_link *l) {
  in_order();
  self.list->list_op_pending = (struct robust_list *)(void *)l;
  in_order();
}

/* glibc gives the thread of a forked child an empty list; what the parent held stays the parent's. */
static void forget_parent(void) { self.id = self.count = 0; }

static void learn(void) {
  size_t size = 0;
  if (!atomic_exchange(&are_forks_watched, true)) CHECK_EQ(thread_on_fork(forget_parent), STATUS_OK);
  CHECK_EQ(syscall(SYS_get_robust_list, 0, &self.list, &size), 0);
  CHECK(self.list && size == sizeof *self.list);
  CHECK_EQ(self.list->futex_offset,
           (long)offsetof(struct robust_mutex, word) - (long)offsetof(struct robust_mutex, next));
  self.id = (uint32_t)syscall(SYS_gettid);
}

void robust_mutex_init(struct robust_mutex *m) {
  memset(m, 0, sizeof *m);
  _Static_assert(
      offsetof(struct robust_mutex, next) == offsetof(struct robust_mutex, previous) + sizeof(void *),
      "glibc finds `previous` by `next`");
}

static bool is_free(uint32_t word) { return word == 0 || word & FUTEX_OWNER_DIED; }

/* Critical sections take some tens of nanoseconds; a sleep costs a thousand times as much. After a sleep others
 * may sleep as well. Returns the word before the lock. */
static uint32_t take_contended(futex_word *word) {
  uint32_t waiters = 0, seen;
  for (int round = 0; round < SPIN_ROUNDS; round++) {
    for (int pause = 0; pause <= (round & 7); pause++) cpu_relax();
    seen = atomic_load_explicit(word, memory_order_relaxed);
    if (is_free(seen) && atomic_compare_exchange_strong(word, &seen, self.id | (seen & FUTEX_WAITERS)))
      return seen;
  }
  for (;;) {
    seen = atomic_load_explicit(word, memory_order_relaxed);
    if (is_free(seen)) {
      if (atomic_compare_exchange_strong(word, &seen, self.id | (seen & FUTEX_WAITERS) | waiters))
        return seen;
    } else if (seen & FUTEX_WAITERS || atomic_compare_exchange_strong(word, &seen, seen | FUTEX_WAITERS)) {
      waiters = FUTEX_WAITERS;
      if (futex_wait(word, seen | FUTEX_WAITERS, deadline_never())) continue;
    }
  }
}

static void push(struct robust_mutex *m) {
  CHECK(self.count < HELD_MAX);
  robust_link *l = &m->next;
  const robust_link next = *head();
  self.held[self.count].link = l;
  self.held[self.count].next = next;
  self.count++;
  m->next = next;
  m->previous = head();
  if (next != (robust_link)head()) untagged(next)[-1] = l;
  in_order(); /* the new link is whole */
  *head() = l;
}

static unsigned place_of(const robust_link *l) {
  unsigned at = self.count;
  while (at > 0 && self.held[at - 1].link != l) at--;
  CHECK(at > 0); /* this thread holds it */
  return at - 1;
}

/* Links between two of ours are the host's, in its memory. */
static void pull(robust_link *l) {
  const unsigned at = place_of(l);
  const robust_link next = self.held[at].next;
  const bool is_last = at + 1 == self.count;
  robust_link *previous = is_last ? head() : self.held[at + 1].link;
  robust_link *after = untagged(is_last ? *head() : self.held[at + 1].next);
  while (after != l) previous = after, after = untagged(*previous);
  *previous = next;
  if (next != (robust_link)head()) untagged(next)[-1] = previous;
  if (!is_last && previous == self.held[at + 1].link) self.held[at + 1].next = next;
  self.count--;
  for (unsigned i = at; i < self.count; i++) self.held[i] = self.held[i + 1];
}

enum robust_state robust_mutex_lock(struct robust_mutex *m) {
  uint32_t before = 0;
  if (!self.id) learn();
  set_pending(&m->next);
  if (!atomic_compare_exchange_strong(&m->word, &before, self.id)) before = take_contended(&m->word);
  push(m);
  set_pending(NULL);
  return before & FUTEX_OWNER_DIED ? ROBUST_ABANDONED : ROBUST_CLEAN;
}

void robust_mutex_unlock(struct robust_mutex *m) {
  set_pending(&m->next);
  pull(&m->next);
  if (atomic_exchange(&m->word, 0) & FUTEX_WAITERS) futex_wake(&m->word, 1);
  set_pending(NULL);
}

futex_word *robust_mutex_word(struct robust_mutex *m) { return &m->word; }

bool robust_mutex_is_abandoned(struct robust_mutex *m) {
  return (atomic_load_explicit(&m->word, memory_order_acquire) & FUTEX_OWNER_DIED) != 0;
}

bool robust_mutex_watch(struct robust_mutex *m, uint32_t *expected) {
  uint32_t seen = atomic_load(&m->word);
  for (;;) {
    if (is_free(seen)) return false;
    if (seen & FUTEX_WAITERS || atomic_compare_exchange_weak(&m->word, &seen, seen | FUTEX_WAITERS)) break;
  }
  *expected = seen | FUTEX_WAITERS;
  return true;
}
