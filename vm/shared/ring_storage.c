/* SPDX-License-Identifier: MIT */
#include "shared/ring_storage.h"

#include "base/check.h"
#include "shared/kill_point.h"

static owner_id ring_owner(const struct ring *r) { return owner_of_object(segment_ref(r)); }

struct ring_place storage_first(const struct ring *r) {
  return (struct ring_place){(segment_ref(r) + RING_FIRST_STORAGE) | RING_FIRST_LOG, 0};
}

/* The first storage is a part of the ring's own block and is never freed alone. */
static bool is_first(const struct ring *r, uint64_t storage) { return storage == storage_first(r).storage; }

/* Takes a block from the ring; false: a process that died has done so. */
static bool take_from_ring(const struct ring *r, block_ref block) {
  return arena_give(segment_arena(), block, ring_owner(r), segment_self());
}

/* The storage is the place's before the journal is empty. */
static void move_place(struct ring_end *end) {
  end->place = end->journal_place;
  STORE_ORDER();
  KILL_POINT("ring.storage.moved");
  end->journal_place.storage = 0;
}

/* The position first, because it is the comparand of a repair. */
static void journal(struct ring_end *end, const struct ring_place *next) {
  end->journal_place.start = next->start;
  STORE_ORDER();
  end->journal_place.storage = next->storage;
  STORE_ORDER();
}

static bool is_past(const struct ring_end *end) {
  return atomic_load_explicit(&end->position, memory_order_relaxed) >= end->journal_place.start;
}

/* ---- the producers' end ---------------------------------------------------------------------- */

status storage_plan(const struct ring *r, struct ring_place *out) {
  const bool is_second = is_first(r, r->tail.place.storage);
  const unsigned log = is_second ? RING_SECOND_LOG : RING_LAST_LOG;
  const uint64_t size = UINT64_C(1) << log;
  block_ref block = 0;
  const status st = is_second ? segment_alloc_vital(size, &block) : segment_alloc(size, &block);
  if (st) return st;
  const uint64_t tail = atomic_load_explicit(&r->tail.position, memory_order_relaxed);
  *out = (struct ring_place){block | log, tail + RING_NEXT_SPACE};
  return STATUS_OK;
}

void storage_begin(struct ring *r, const struct ring_place *next) {
  journal(&r->tail, next);
  KILL_POINT("ring.storage.journaled");
  CHECK(arena_give(segment_arena(), place_block(next), segment_self(), ring_owner(r)));
  KILL_POINT("ring.storage.given");
}

void storage_enter(struct ring *r) {
  move_place(&r->tail);
  KILL_POINT("ring.storage.entered");
}

void storage_settle_tail(struct ring *r) {
  struct ring_end *tail = &r->tail;
  if (!tail->journal_place.storage) return;
  if (is_past(tail)) {
    move_place(tail);
    return;
  }
  (void)arena_free_of(segment_arena(), place_block(&tail->journal_place), ring_owner(r));
  STORE_ORDER();
  tail->journal_place.storage = 0;
}

/* ---- the consumers' end ---------------------------------------------------------------------- */

void storage_announce(struct ring *r, const struct ring_place *next) {
  journal(&r->head, next);
  KILL_POINT("ring.storage.announced");
}

/* This process owns the block before the place moves: a repair that finds the old place either takes
 * the block, or leaves it to the sweeper of a dead process, which settles the ring first. */
void storage_leave(struct ring *r) {
  struct ring_end *head = &r->head;
  const uint64_t old = head->place.storage;
  const bool is_left = old == head->journal_place.storage; /* by a process that died here */
  const bool is_taken = !is_left && !is_first(r, old) && take_from_ring(r, place_block(&head->place));
  KILL_POINT("ring.storage.taken");
  move_place(head);
  KILL_POINT("ring.storage.left");
  if (is_taken) segment_free(old & ~UINT64_C(255));
}

void storage_settle_head(struct ring *r) {
  struct ring_end *head = &r->head;
  if (!head->journal_place.storage) return;
  if (is_past(head)) storage_leave(r);
  head->journal_place.storage = 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

void storage_free(struct ring *r) {
  const uint64_t storage = r->head.place.storage;
  CHECK_EQ(storage, r->tail.place.storage);
  if (!is_first(r, storage)) (void)arena_free_of(segment_arena(), place_block(&r->head.place), ring_owner(r));
}
