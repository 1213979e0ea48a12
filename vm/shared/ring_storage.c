/* SPDX-License-Identifier: MIT */
#include "shared/ring_storage.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

enum {
  GROWTH = 4,
  SECOND_STORAGE = 16 << 10,
  DIRECTORY_PAGE = 4096,
  DIRECTORY_ENTRIES = 1 << 20, /* 1 TiB of messages, and 8 MiB of address space */
  PAGE_ENTRIES = DIRECTORY_PAGE / sizeof(block_ref),
  PLANNED_EXTENTS = 2,
};

static block_ref word_start(uint64_t word) { return word & ~UINT64_C(255); }
static uint64_t storage_word(block_ref at, unsigned log) { return at | log; }

static owner_id ring_owner(const struct ring *r) { return owner_of_object(segment_ref(r)); }

uint64_t storage_first(const struct ring *r) {
  return storage_word(segment_ref(r) + RING_FIRST_STORAGE, RING_PLAIN_LOG_LEAST);
}

/* Takes a block from the ring; false: an earlier repair has done so. */
static bool take_from_ring(const struct ring *r, block_ref block) {
  return arena_give(segment_arena(), block, ring_owner(r), segment_self());
}

static void drop_block(const struct ring *r, block_ref block) {
  (void)arena_free_of(segment_arena(), block, ring_owner(r));
}

static void give_block(const struct ring *r, block_ref block) {
  CHECK(arena_give(segment_arena(), block, segment_self(), ring_owner(r)));
}

/* ---- places ---------------------------------------------------------------------------------- */

static uint64_t entry_index(const struct ring *r, uint64_t extent) {
  return (extent - r->extent_base) & (DIRECTORY_ENTRIES - 1);
}

static _Atomic block_ref *entry_of(const struct ring *r, uint64_t word, uint64_t extent) {
  return segment_bytes_at(word_start(word) + entry_index(r, extent) * sizeof(block_ref), sizeof(block_ref));
}

uint8_t *storage_at_extent(const struct ring *r, uint64_t word, uint64_t position) {
  CHECK(storage_is_extended(word));
  const block_ref extent =
      atomic_load_explicit(entry_of(r, word, position >> RING_EXTENT_LOG), memory_order_relaxed);
  uint8_t *start = segment_bytes_at(extent, RING_EXTENT);
  return start + (position & (RING_EXTENT - 8));
}

/* ---- freeing --------------------------------------------------------------------------------- */

/* This process owns the block before the entry is 0: a repair that finds the entry either frees the
 * block, or leaves it to the sweeper of a dead process, which settles the ring first. */
static void drop_extent(const struct ring *r, uint64_t word, uint64_t extent) {
  _Atomic block_ref *entry = entry_of(r, word, extent);
  const block_ref block = atomic_load(entry);
  if (!block) return;
  const bool is_taken = take_from_ring(r, block);
  KILL_POINT("ring.extent.taken");
  atomic_store(entry, 0);
  KILL_POINT("ring.extent.cleared");
  if (is_taken) segment_free(block);
}

/* The first storage is a part of the ring's own block and is never freed alone. A directory goes
 * last, because a second run needs it. */
static void drop_storage(const struct ring *r, uint64_t word) {
  if (word == storage_first(r)) return;
  const block_ref block = word_start(word);
  if (storage_is_extended(word)) {
    if (arena_owner(segment_arena(), block) != ring_owner(r)) return;
    /* The one behind the tail may be there for a put that a death cut short. */
    const uint64_t last = (atomic_load(&r->tail.position) >> RING_EXTENT_LOG) + 1;
    CHECK(last - r->first_extent < DIRECTORY_ENTRIES || last < r->first_extent);
    for (uint64_t extent = r->first_extent; extent <= last; extent++)
      if (entry_index(r, extent) < r->directory_used) drop_extent(r, word, extent);
    KILL_POINT("ring.extents.dropped");
  }
  drop_block(r, block);
}

void storage_pass(struct ring *r) {
  const uint64_t word = atomic_load_explicit(&r->storage, memory_order_relaxed);
  if (!storage_is_extended(word)) return;
  const uint64_t now = atomic_load_explicit(&r->head.position, memory_order_relaxed) >> RING_EXTENT_LOG;
  if (r->first_extent >= now) return;
  CHECK(now - r->first_extent < DIRECTORY_ENTRIES);
  for (; r->first_extent < now; r->first_extent++) {
    drop_extent(r, word, r->first_extent);
    KILL_POINT("ring.extent.passed");
  }
}

void storage_free(struct ring *r) { drop_storage(r, atomic_load(&r->storage)); }

/* ---- growing --------------------------------------------------------------------------------- */

static status plan_plain(uint64_t capacity, struct storage_plan *out) {
  block_ref block = 0;
  const status st =
      capacity <= SECOND_STORAGE ? segment_alloc_vital(capacity, &block) : segment_alloc(capacity, &block);
  if (st == STATUS_OK)
    *out = (struct storage_plan){.word = storage_word(block, (unsigned)__builtin_ctzll(capacity))};
  return st;
}

/* The extents of the records that there are: two at most, for they fit into one lap. */
static size_t extents_needed(const struct ring *r, uint64_t base) {
  const uint64_t tail = atomic_load(&r->tail.position);
  const uint64_t end = (tail + RING_EXTENT - 1) >> RING_EXTENT_LOG;
  CHECK(end - base <= PLANNED_EXTENTS);
  return end - base;
}

static status plan_extended(const struct ring *r, struct storage_plan *out) {
  const uint64_t base = atomic_load(&r->head.position) >> RING_EXTENT_LOG;
  const size_t count = extents_needed(r, base);
  block_ref blocks[1 + PLANNED_EXTENTS];
  size_t made = 0;
  status st = segment_alloc_room(DIRECTORY_PAGE, DIRECTORY_ENTRIES * sizeof(block_ref), &blocks[0]);
  for (; st == STATUS_OK && made < count; made++) st = segment_alloc(RING_EXTENT, &blocks[made + 1]);
  if (st) {
    /* The block that failed is the last one of those that were begun. */
    for (size_t i = 0; i < made; i++) segment_free(blocks[i]);
    return st;
  }
  block_ref *directory = segment_at(blocks[0]);
  memset(directory, 0, DIRECTORY_PAGE);
  for (size_t i = 0; i < count; i++) directory[i] = blocks[i + 1];
  *out = (struct storage_plan){storage_word(blocks[0], RING_EXTENDED), base, count};
  return STATUS_OK;
}

status storage_plan_growth(struct ring *r, uint64_t space, struct storage_plan *out) {
  const uint64_t capacity = storage_capacity(atomic_load(&r->storage));
  CHECK(space <= SECOND_STORAGE / 2);
  if (capacity >= RING_EXTENT) return plan_extended(r, out);
  return plan_plain(capacity * GROWTH < SECOND_STORAGE ? SECOND_STORAGE : capacity * GROWTH, out);
}

static uint64_t lesser(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Each record keeps its position. Records that are contiguous in a lap of the smaller storage are so
 * in the larger one. */
static void copy_records(const struct ring *r, uint64_t from, uint64_t to) {
  const uint64_t tail = atomic_load(&r->tail.position);
  uint64_t position = atomic_load(&r->head.position);
  while (position < tail) {
    const uint64_t size = lesser(storage_left(from, position), tail - position);
    memcpy(storage_at(r, to, position), storage_at(r, from, position), size);
    position += size;
  }
}

/* The directory first: a repair that finds it owned by the ring looks at its extents. */
static void give_storage(const struct ring *r, const struct storage_plan *plan) {
  give_block(r, word_start(plan->word));
  for (size_t i = 0; i < plan->extents; i++) {
    give_block(r, atomic_load(entry_of(r, plan->word, plan->base + i)));
    KILL_POINT("ring.grow.extent");
  }
}

void storage_move(struct ring *r, const struct storage_plan *plan) {
  const uint64_t old = atomic_load(&r->storage);
  if (storage_is_extended(plan->word)) {
    r->extent_base = r->first_extent = plan->base;
    r->directory_used = PAGE_ENTRIES;
  }
  copy_records(r, old, plan->word);
  r->journal_old = old;
  STORE_ORDER();
  r->journal_new = plan->word;
  STORE_ORDER();
  KILL_POINT("ring.grow.journaled");
  give_storage(r, plan);
  KILL_POINT("ring.grow.given");
  atomic_store_explicit(&r->storage, plan->word, memory_order_release);
  KILL_POINT("ring.grow.committed");
  storage_settle(r);
  atomic_fetch_add(&r->growths, 1);
}

/* ---- extents --------------------------------------------------------------------------------- */

/* The pages of the directory are committed and zeroed one after the other. */
static status reach_entry(struct ring *r, uint64_t word, uint64_t index) {
  if (index < r->directory_used) return STATUS_OK;
  CHECK(index < r->directory_used + PAGE_ENTRIES && r->directory_used <= DIRECTORY_ENTRIES);
  const uint64_t start = r->directory_used * sizeof(block_ref);
  const status st = segment_commit(word_start(word), start + DIRECTORY_PAGE);
  if (st) return st;
  memset(segment_bytes_at(word_start(word) + start, DIRECTORY_PAGE), 0, DIRECTORY_PAGE);
  STORE_ORDER();
  KILL_POINT("ring.directory.zeroed");
  r->directory_used += PAGE_ENTRIES;
  return STATUS_OK;
}

static status add_extent(struct ring *r, uint64_t word, uint64_t extent) {
  block_ref block = 0;
  const status st = segment_alloc(RING_EXTENT, &block);
  if (st) return st;
  r->journal_number = extent;
  STORE_ORDER();
  r->journal_extent = block;
  STORE_ORDER();
  KILL_POINT("ring.extent.journaled");
  give_block(r, block);
  KILL_POINT("ring.extent.given");
  atomic_store(entry_of(r, word, extent), block);
  KILL_POINT("ring.extent.added");
  r->journal_extent = 0;
  return STATUS_OK;
}

status storage_reach(struct ring *r, uint64_t position) {
  if (position & (RING_EXTENT - 1)) return STATUS_OK; /* I1 */
  const uint64_t word = atomic_load_explicit(&r->storage, memory_order_relaxed);
  const uint64_t extent = position >> RING_EXTENT_LOG;
  const status st = reach_entry(r, word, entry_index(r, extent));
  if (st) return st;
  return atomic_load(entry_of(r, word, extent)) ? STATUS_OK : add_extent(r, word, extent);
}

/* ---- repair ---------------------------------------------------------------------------------- */

/* The tail has not reached the extent, so no consumer has passed it. */
static void settle_extent(struct ring *r) {
  const uint64_t word = atomic_load(&r->storage);
  if (!r->journal_extent) return;
  if (storage_is_extended(word) && atomic_load(entry_of(r, word, r->journal_number)) != r->journal_extent)
    drop_block(r, r->journal_extent);
  STORE_ORDER();
  r->journal_extent = 0;
}

void storage_settle(struct ring *r) {
  settle_extent(r);
  if (!r->journal_new) return;
  const bool is_moved = atomic_load(&r->storage) == r->journal_new;
  drop_storage(r, is_moved ? r->journal_old : r->journal_new);
  STORE_ORDER();
  r->journal_new = 0;
}
