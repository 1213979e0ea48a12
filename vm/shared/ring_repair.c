/* SPDX-License-Identifier: MIT */
#include "shared/ring_repair.h"

#include "shared/kill_point.h"
#include "shared/ring_heap.h"
#include "shared/ring_storage.h"

static bool is_committed(const struct ring_end *end) {
  return atomic_load_explicit(&end->position, memory_order_relaxed) == end->journal_position;
}

/* The dead process gets the block of a put that it did not commit, or of a take that it did not
 * complete, so that the sweeper frees it. The process cannot have been swept before, because the
 * sweeper settles the ring first (ring_forget). */
static void return_block(const struct ring *r, const struct ring_end *end) {
  if (end->journal_block) (void)hand_over(end->journal_block, ring_owner(r), end->journal_owner);
}

/* A put that committed gave its block to the ring. */
void ring_repair_tail(struct ring *r) {
  struct ring_end *end = &r->tail;
  if (is_committed(end))
    apply_counts(end);
  else
    return_block(r, end);
  STORE_ORDER();
  end->journal_block = 0;
  storage_settle_tail(r);
}

/* A take that committed owns its message; one that did not changed nothing. */
void ring_repair_head(struct ring *r) {
  struct ring_end *end = &r->head;
  if (is_committed(end)) {
    apply_counts(end);
    return_block(r, end);
  } else if (end->journal_claim) {
    atomic_store((_Atomic uint64_t *)segment_at(end->journal_claim & ~UINT64_C(7)), 0);
  }
  if (r->unfinished) unfinished_repair(unfinished_of(r), is_committed(end));
  if (r->is_sorted) ring_heap_settle(r);
  STORE_ORDER();
  end->journal_block = 0;
  end->journal_claim = 0;
  storage_settle_head(r);
}
