/* SPDX-License-Identifier: MIT */
/* The locks of a ring's ends. A holder that died is made good by the next one (ring.h, I3). For ring.c and
 * ring_repair.c alone. */
#ifndef SHARED_RING_REPAIR_H
#define SHARED_RING_REPAIR_H

#include "shared/ring_state.h"
#include "shared/segment.h"
#include "shared/unfinished.h"
#include "sync/lock_rank.h"

static inline owner_id ring_owner(const struct ring *r) { return owner_of_object(segment_ref(r)); }

static inline struct unfinished *unfinished_of(const struct ring *r) {
  return segment_at(r->unfinished & ~UINT64_C(63));
}

static inline bool hand_over(block_ref block, owner_id from, owner_id to) {
  return arena_hand_over(segment_arena(), block, from, to);
}

/* The journaled counts are those of the end. */
static inline void apply_counts(struct ring_end *end) {
  atomic_store_explicit(&end->bytes, end->journal_bytes, memory_order_relaxed);
  atomic_store_explicit(&end->count, end->journal_count, memory_order_release);
}

/* Complete or undo the change of a dead holder of the lock, under that lock. */
void ring_repair_tail(struct ring *r);
void ring_repair_head(struct ring *r);

static inline void unlock_tail(struct ring *r) RELEASES(rank_tail) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&r->tail.lock);
}

static inline void unlock_head(struct ring *r) RELEASES(rank_head) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&r->head.lock);
}

#endif
