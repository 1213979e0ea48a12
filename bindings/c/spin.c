/* SPDX-License-Identifier: MIT */
#include "c/spin.h"

#include <limits.h>

#include "os/clock.h"
#include "os/processors.h"

enum { LOOKS = 1000, SHORT_NS = 100 * 1000, LONG_NS = 1000 * 1000 };

static bool sees_change(const futex_word *word, uint32_t seen) {
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load_explicit(word, memory_order_acquire) != seen) return true;
    cpu_relax();
  }
  return false;
}

/* A waiter increments the count before the kernel compares the word, and spin_wake's caller changes
 * the word before it reads the count. So at least one of them sees the other's store. */
status spin_wait(struct spin *s, futex_word *word, uint32_t seen, _Atomic uint32_t *sleepers,
                 deadline until) {
  if (atomic_load_explicit(&s->is_worth_it, memory_order_relaxed) && sees_change(word, seen))
    return STATUS_OK;
  const int64_t from = clock_now_ns();
  atomic_fetch_add(sleepers, 1);
  const status st = futex_wait(word, seen, until);
  atomic_fetch_sub(sleepers, 1);
  const int64_t slept_ns = clock_now_ns() - from;
  if (slept_ns < SHORT_NS)
    atomic_store_explicit(&s->is_worth_it, processors_count() > 1, memory_order_relaxed);
  if (slept_ns > LONG_NS) atomic_store_explicit(&s->is_worth_it, false, memory_order_relaxed);
  return st;
}

void spin_wake(futex_word *word, const _Atomic uint32_t *sleepers) {
  if (atomic_load(sleepers)) futex_wake(word, INT_MAX);
}
