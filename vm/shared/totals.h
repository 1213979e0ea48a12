/* SPDX-License-Identifier: MIT */
/* Totals over all processes and VMs of a program: the figures of MANYMOONS_STATS.
 *
 * They are in the header of the segment and only rise. A ring counts its own messages, under the
 * lock that it holds anyway, and adds them here when it ends, so the messages of a killed process
 * are counted. A VM counts for itself how its lock was used, and adds that here when it closes: the
 * figures of a killed process's VMs are lost.
 *
 * Any thread, any process. The fields are atomic and independent of each other, so relaxed order is
 * enough: a reader that needs exact figures reads them after the workers have ended.
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

/* The use of one VM's lock. */
struct lock_use {
  uint64_t held_ns;
  uint64_t waited_ns;
  uint64_t switches; /* how often another thread took it */
};

/* Relaxed: a sum that nothing is decided by. */
static inline void totals_add(_Atomic uint64_t *total, uint64_t amount) {
  atomic_fetch_add_explicit(total, amount, memory_order_relaxed);
}

/* Of a ring that ends, whose own counts are lost. */
static inline void totals_add_messages(struct totals *t, uint64_t messages, uint64_t bytes) {
  totals_add(&t->messages, messages);
  totals_add(&t->bytes, bytes);
}

/* Called once for each VM, when it closes; for the main VM before the figures are written. */
static inline void totals_add_lock(struct totals *t, const struct lock_use *use) {
  totals_add(&t->lock_held_ns, use->held_ns);
  totals_add(&t->lock_waited_ns, use->waited_ns);
  totals_add(&t->lock_switches, use->switches);
}

#endif
