/* SPDX-License-Identifier: MIT */
#include "shared/ring_sleep.h"

#include <errno.h>

#include "shared/sweep.h"

enum {
  SPIN_LEAST = 20,
  SHORT_SLEEP_NS = 100 * 1000,
  LOOK_OFTEN_NS = 10 * 1000 * 1000,
  BACKLOG_BYTES = 256 * 1024, /* in the ring before a producer waits */
  PATIENCE_LEAST_NS = 1000,
  PAUSES = 16, /* between two looks */
};

/* After a short sleep the next spin is longer: it would have avoided the sleep. After a long one it
 * is shorter. */
static void learn_from_sleep(struct ring_end *end, int64_t slept_ns) {
  uint32_t spin = atomic_load_explicit(&end->spin, memory_order_relaxed);
  spin = slept_ns < SHORT_SLEEP_NS ? spin * 2 + 50 : spin / 2;
  if (spin > SPIN_MOST) spin = SPIN_MOST;
  if (spin < SPIN_LEAST) spin = SPIN_LEAST;
  atomic_store_explicit(&end->spin, spin, memory_order_relaxed);
}

/* Sleeps on the event word and the others at once. Linux before 5.16 has no such wait: there the
 * thread wakes every LOOK_OFTEN_NS and the caller checks the others. */
static status sleep_on_all(futex_word *event, uint32_t seen, const struct ring_wait *wait, deadline until) {
  struct futex_watch watches[FUTEX_WATCH_MAX];
  watches[0] = (struct futex_watch){event, seen};
  for (size_t i = 0; i < wait->also_count; i++) watches[i + 1] = wait->also[i];
  const status st = futex_wait_any(watches, wait->also_count + 1, until);
  if (st != -ENOSYS) return st;
  const deadline soon = {clock_now_ns() + LOOK_OFTEN_NS};
  const status one = futex_wait(event, seen, deadline_earlier(until, soon));
  return one == STATUS_TIMEOUT && !deadline_passed(until) ? STATUS_OK : one;
}

status ring_sleep_on(struct ring_end *end, uint32_t event, const struct ring_wait *wait, deadline until) {
  const int64_t start = clock_now_ns();
  const deadline first = deadline_earlier(until, (deadline){start + LOOK_AGAIN_NS});
  const bool has_others = wait && wait->also_count;
  const status st =
      has_others ? sleep_on_all(&end->event, event, wait, first) : futex_wait(&end->event, event, first);
  learn_from_sleep(end, clock_now_ns() - start);
  if (st != STATUS_TIMEOUT) return st;
  segment_sweep();
  return deadline_passed(until) ? STATUS_TIMEOUT : STATUS_OK;
}

static uint64_t backlog_of(const struct ring *r) {
  return atomic_load_explicit(&r->tail.bytes, memory_order_relaxed) -
         atomic_load_explicit(&r->head.bytes, memory_order_relaxed);
}

/* As far as a producer can know. */
static bool consumers_are_awake(const struct ring *r) {
  const uint32_t processor = atomic_load_explicit(&r->head.processor, memory_order_relaxed);
  return atomic_load_explicit(&r->tail.waiters, memory_order_relaxed) ==
             atomic_load_explicit(&r->tail.woken, memory_order_relaxed) &&
         processor != UINT32_MAX && processor != processor_number();
}

static void wait_for_consumers(const struct ring *r, int64_t patience) {
  const int64_t until = clock_now_ns() + patience;
  while (backlog_of(r) > BACKLOG_BYTES && clock_now_ns() < until)
    for (int i = 0; i < PAUSES; i++) cpu_relax();
}

void ring_give_head_start(struct ring *r) {
  const uint32_t patience = atomic_load_explicit(&r->patience, memory_order_relaxed);
  if (backlog_of(r) > BACKLOG_BYTES) {
    if (!consumers_are_awake(r)) return;
    wait_for_consumers(r, patience);
  }
  uint32_t next = backlog_of(r) <= BACKLOG_BYTES ? patience * 2 : patience / 2;
  if (next > RING_PATIENCE_NS) next = RING_PATIENCE_NS;
  if (next < PATIENCE_LEAST_NS) next = PATIENCE_LEAST_NS;
  if (next != patience) atomic_store_explicit(&r->patience, next, memory_order_relaxed);
}
