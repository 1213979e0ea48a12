/* SPDX-License-Identifier: MIT */
/* What a program has done in all, over all its processes and VMs: the figures of MANYMOONS_STATS.
 *
 * They live in the header of the segment and only rise. A ring counts its own messages, under the
 * lock that it holds anyway, and adds them here when it ends; so what a killed process sent is
 * counted. A VM counts for itself how its lock was used, and adds that here when it closes: a
 * process that is killed takes its VMs' figures with it.
 *
 * Any thread, any process; the fields are atomic and independent of each other, so relaxed order is
 * enough: a reader that wants exact figures reads them when the workers have ended.
 */
#ifndef SHARED_TOTALS_H
#define SHARED_TOTALS_H

#include <stdatomic.h>
#include <stdint.h>

struct totals {
  _Atomic uint64_t messages; /* of rings that are gone */
  _Atomic uint64_t bytes;
  _Atomic uint64_t lock_held_ns; /* of VMs that are closed, over all their threads */
  _Atomic uint64_t lock_waited_ns;
  _Atomic uint64_t lock_switches;
};

/* How one VM's lock was used. */
struct lock_use {
  uint64_t held_ns;
  uint64_t waited_ns;
  uint64_t switches; /* how often it went from one thread to another */
};

static inline void totals_add(_Atomic uint64_t *total, uint64_t amount) {
  atomic_fetch_add_explicit(total, amount, memory_order_relaxed);
}

static inline void totals_add_messages(struct totals *t, uint64_t messages, uint64_t bytes) {
  totals_add(&t->messages, messages);
  totals_add(&t->bytes, bytes);
}

/* Once for each VM, when it closes; for the main VM before the figures are written. */
static inline void totals_add_lock(struct totals *t, const struct lock_use *use) {
  totals_add(&t->lock_held_ns, use->held_ns);
  totals_add(&t->lock_waited_ns, use->waited_ns);
  totals_add(&t->lock_switches, use->switches);
}

#endif
