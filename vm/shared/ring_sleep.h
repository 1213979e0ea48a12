/* SPDX-License-Identifier: MIT */
/* How the two sides of a ring wait for each other. A thread that cannot go on spins for a while, then
 * sleeps on the event word of the other end, which wakes it (ring.h, I4). A producer that is about to
 * touch fresh memory gives consumers that are awake a head start. For ring.c alone.
 */
#ifndef SHARED_RING_SLEEP_H
#define SHARED_RING_SLEEP_H

#include "os/clock.h"
#include "os/processor.h"
#include "shared/ring_state.h"

enum {
  SPIN_MOST = 700,
  RING_PATIENCE_NS = 100 * 1000,     /* the longest head start */
  LOOK_AGAIN_NS = 250 * 1000 * 1000, /* the longest sleep before the condition is checked again */
};

struct wake_note {
  uint32_t waiters;
  uint32_t woken;
};

/* Before the commit, under the end's lock: changes the event word if a thread may be asleep on
 * it. */
static inline struct wake_note ring_announce(struct ring_end *end) {
  const struct wake_note note = {atomic_load_explicit(&end->waiters, memory_order_relaxed),
                                 atomic_load_explicit(&end->woken, memory_order_relaxed)};
  if (note.waiters != note.woken) atomic_fetch_add_explicit(&end->event, 1, memory_order_relaxed);
  return note;
}

/* After the unlock. `woken` changes only from the value in the note, so a slow waker cannot undo a
 * later one. */
static inline void ring_wake(struct ring_end *end, struct wake_note note, int count) {
  if (note.waiters == note.woken) return;
  const int reached = futex_wake(&end->event, count);
  const uint32_t woken = reached < count ? note.waiters : note.woken + 1;
  atomic_compare_exchange_strong(&end->woken, &note.woken, woken);
}

/* Watches the other side's commit word for a while; true: it is no longer `seen`. */
static inline bool ring_spin_pays(struct ring_end *end, uint64_t seen) {
  const uint32_t rounds = atomic_load_explicit(&end->spin, memory_order_relaxed);
  if (atomic_load_explicit(&end->processor, memory_order_relaxed) == processor_number()) return false;
  for (uint32_t i = 0; i < rounds; i++) {
    if (atomic_load_explicit(&end->position, memory_order_acquire) != seen) return true;
    cpu_relax();
  }
  return false;
}

/* Sleeps on the end's event word, for LOOK_AGAIN_NS at most (I4). STATUS_OK: check again;
 * STATUS_TIMEOUT: `until` has passed; STATUS_INTERRUPTED. */
MUST_CHECK status ring_sleep_on(struct ring_end *end, uint32_t event, const struct ring_wait *wait,
                                deadline until);

/* After a put that took memory: waits until less is in the ring, or for some microseconds. A message
 * that is put into memory which consumers have just freed costs a fraction of one in fresh pages.
 * The wait is as long as those pages may cost, and short after waits that were in vain. */
void ring_give_head_start(struct ring *r);

#endif
