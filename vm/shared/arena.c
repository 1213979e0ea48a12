/* SPDX-License-Identifier: MIT */
/* See arena.h. The owner word of block i of a class is element i of an array. Taking a block is a
 * compare-and-swap from 0, freeing it a store of 0.
 */
#include "shared/arena.h"

#include <errno.h>

#include "base/check.h"
#include "shared/kill_point.h"

enum {
  PAGE = 4096,
  BLOCKS_MAX = 1 << 20, /* per class */
  TRIM_FROM = 1 << 14,  /* blocks from this size on are decommitted when many are warm */
  WARM_BYTES_MAX = 256 << 20,
};

static uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

static uint64_t class_block_size(int class) {
  return (uint64_t)ARENA_SMALLEST << (ARENA_FACTOR_SHIFT * class);
}

/* The largest power of two of which ARENA_CLASSES fit behind the tables. */
static uint64_t region_size_for(uint64_t space) {
  uint64_t size = ARENA_SMALLEST;
  while (size * 2 * ARENA_CLASSES <= space / 2) size *= 2;
  return size;
}

void arena_init(struct arena *a, const struct mapping *m, uint64_t start, uint64_t bytes_max) {
  const uint64_t region = region_size_for(m->size - start);
  uint64_t at = round_up(start, PAGE);
  for (int i = 0; i < ARENA_CLASSES; i++) {
    struct arena_class *c = &a->classes[i];
    c->block_size = class_block_size(i);
    c->count = region / c->block_size < BLOCKS_MAX ? region / c->block_size : BLOCKS_MAX;
    c->owners = at;
    c->committed = round_up(at + c->count * sizeof(uint32_t), PAGE);
    at = round_up(c->committed + c->count * sizeof(uint32_t), PAGE);
  }
  a->region_size = region;
  a->bytes_max = bytes_max;
  a->data = round_up(at, PAGE);
  CHECK(a->data + region * ARENA_CLASSES <= m->size);
}

static _Atomic uint32_t *owner_word(const struct arena_class *c, const struct mapping *m, uint64_t index) {
  return (_Atomic uint32_t *)(void *)(m->base + c->owners) + index;
}

static _Atomic uint32_t *committed_word(const struct arena_class *c, const struct mapping *m,
                                        uint64_t index) {
  return (_Atomic uint32_t *)(void *)(m->base + c->committed) + index;
}

static int class_of(const struct arena *a, block_ref block) {
  return (int)((block - a->data) / a->region_size);
}

static uint64_t index_of(const struct arena *a, int class, block_ref block) {
  return (block - a->data - (uint64_t) class * a->region_size) / a->classes[class].block_size;
}

block_ref arena_block_at(const struct arena *a, int class, uint64_t index) {
  return a->data + (uint64_t) class * a->region_size + index * a->classes[class].block_size;
}

bool arena_has(const struct arena *a, block_ref block) {
  if (block < a->data || block >= a->data + a->region_size * ARENA_CLASSES) return false;
  const int class = class_of(a, block);
  const uint64_t index = index_of(a, class, block);
  return index < a->classes[class].count && arena_block_at(a, class, index) == block &&
         index < atomic_load(&a->classes[class].high_water);
}

uint64_t arena_block_size(const struct arena *a, block_ref block) {
  return a->classes[class_of(a, block)].block_size;
}

owner_id arena_owner(const struct arena *a, const struct mapping *m, block_ref block) {
  const int class = class_of(a, block);
  return atomic_load(owner_word(&a->classes[class], m, index_of(a, class, block)));
}

static void raise_high_water(struct arena_class *c, uint64_t index) {
  uint64_t seen = atomic_load_explicit(&c->high_water, memory_order_relaxed);
  while (seen <= index)
    if (atomic_compare_exchange_weak(&c->high_water, &seen, index + 1)) return;
}

/* The tables are sparse, too: a search commits their pages as it first reaches them, index by
 * index. */
static status commit_tables(const struct arena_class *c, const struct mapping *m, uint64_t index) {
  if (index % (PAGE / sizeof(uint32_t)) != 0) return STATUS_OK;
  if (index < atomic_load_explicit(&c->high_water, memory_order_relaxed)) return STATUS_OK;
  const uint64_t at = index * sizeof(uint32_t);
  const status st = mapping_commit(m, c->owners + at, PAGE);
  return st ? st : mapping_commit(m, c->committed + at, PAGE);
}

/* Takes a free block of the class. STATUS_FULL: there is none from the hint on. The high-water mark
 * is raised first, so that the sweeper of a process that dies here looks far enough. */
static status take_index(struct arena_class *c, const struct mapping *m, owner_id owner, uint64_t *out) {
  for (uint64_t i = atomic_load_explicit(&c->first_free_hint, memory_order_relaxed); i < c->count; i++) {
    const status st = commit_tables(c, m, i);
    if (st) return st;
    uint32_t none = 0;
    if (atomic_load_explicit(owner_word(c, m, i), memory_order_relaxed) != 0) continue;
    raise_high_water(c, i);
    KILL_POINT("arena.raised");
    if (!atomic_compare_exchange_strong(owner_word(c, m, i), &none, owner)) continue;
    KILL_POINT("arena.taken");
    atomic_store_explicit(&c->first_free_hint, i + 1, memory_order_relaxed);
    *out = i;
    return STATUS_OK;
  }
  atomic_store_explicit(&c->first_free_hint, c->count, memory_order_relaxed);
  return STATUS_FULL;
}

static status commit_index(struct arena *a, const struct mapping *m, int class, uint64_t index,
                           uint64_t size) {
  struct arena_class *c = &a->classes[class];
  _Atomic uint32_t *committed = committed_word(c, m, index);
  const uint32_t pages = (uint32_t)(round_up(size, PAGE) / PAGE);
  const uint32_t have = atomic_load_explicit(committed, memory_order_acquire);
  if (pages <= have) return STATUS_OK;
  if (mapping_used(m) + (uint64_t)(pages - have) * PAGE > a->bytes_max) return -ENOMEM;
  const uint64_t from = arena_block_at(a, class, index) + (uint64_t)have * PAGE;
  const status st = mapping_commit(m, from / PAGE * PAGE, (uint64_t)(pages - have) * PAGE);
  if (st) return st;
  KILL_POINT("arena.committed");
  atomic_store_explicit(committed, pages, memory_order_release);
  return STATUS_OK;
}

status arena_commit(struct arena *a, const struct mapping *m, block_ref block, uint64_t size) {
  const int class = class_of(a, block);
  CHECK(size <= a->classes[class].block_size);
  return commit_index(a, m, class, index_of(a, class, block), size);
}

uint64_t arena_committed(const struct arena *a, const struct mapping *m, block_ref block) {
  const int class = class_of(a, block);
  const struct arena_class *c = &a->classes[class];
  const uint64_t bytes = (uint64_t)atomic_load(committed_word(c, m, index_of(a, class, block))) * PAGE;
  return bytes < c->block_size ? bytes : c->block_size;
}

/* A block of one class. STATUS_FULL: the class has none. */
static status alloc_in_class(struct arena *a, const struct mapping *m, int class, uint64_t size,
                             owner_id owner, block_ref *out) {
  uint64_t index = 0;
  status st = take_index(&a->classes[class], m, owner, &index);
  if (st) return st;
  const block_ref block = arena_block_at(a, class, index);
  st = commit_index(a, m, class, index, size);
  if (st)
    arena_free(a, m, block);
  else
    *out = block;
  return st;
}

/* A class without a free block borrows from the larger ones, which cost no more pages. */
static status alloc_from_class(struct arena *a, const struct mapping *m, int class, uint64_t size,
                               owner_id owner, block_ref *out) {
  status st = STATUS_FULL;
  for (; class < ARENA_CLASSES && st == STATUS_FULL; class ++)
    st = alloc_in_class(a, m, class, size, owner, out);
  return st;
}

/* Hints may have passed free blocks: search once more from the start before failing. */
static void look_from_the_start(struct arena *a, int class) {
  for (; class < ARENA_CLASSES; class ++)
    atomic_store_explicit(&a->classes[class].first_free_hint, 0, memory_order_relaxed);
}

status arena_alloc(struct arena *a, const struct mapping *m, uint64_t size, owner_id owner, block_ref *out) {
  int class = 0;
  while (class < ARENA_CLASSES && (a->classes[class].block_size < size || !a->classes[class].count)) class ++;
  if (class == ARENA_CLASSES) return STATUS_TOO_LARGE;
  status st = alloc_from_class(a, m, class, size, owner, out);
  if (st != STATUS_FULL) return st;
  look_from_the_start(a, class);
  st = alloc_from_class(a, m, class, size, owner, out);
  return st == STATUS_FULL ? -ENOMEM : st;
}

/* Freed blocks keep their pages, because a fresh page costs more than the message in it. The search
 * for a free block starts at the first ones, so those are kept. Large blocks beyond WARM_BYTES_MAX
 * are decommitted while they still have an owner, so that no other process uses them meanwhile. */
static void trim(struct arena *a, const struct mapping *m, int class, uint64_t index) {
  struct arena_class *c = &a->classes[class];
  if (c->block_size < TRIM_FROM) return;
  _Atomic uint32_t *committed = committed_word(c, m, index);
  const uint64_t bytes = (uint64_t)atomic_load(committed) * PAGE;
  if (bytes * (index + 1) <= WARM_BYTES_MAX) return;
  atomic_store(committed, 0);
  KILL_POINT("arena.trim");
  mapping_decommit(m, arena_block_at(a, class, index), bytes);
  KILL_POINT("arena.trimmed");
}

void arena_free(struct arena *a, const struct mapping *m, block_ref block) {
  const int class = class_of(a, block);
  struct arena_class *c = &a->classes[class];
  const uint64_t index = index_of(a, class, block);
  CHECK(atomic_load_explicit(owner_word(c, m, index), memory_order_relaxed) != 0);
  trim(a, m, class, index);
  KILL_POINT("arena.freeing");
  atomic_store_explicit(owner_word(c, m, index), 0, memory_order_release);
  if (index < atomic_load_explicit(&c->first_free_hint, memory_order_relaxed))
    atomic_store_explicit(&c->first_free_hint, index, memory_order_relaxed);
}

bool arena_give(struct arena *a, const struct mapping *m, block_ref block, owner_id from, owner_id to) {
  const int class = class_of(a, block);
  return atomic_compare_exchange_strong(owner_word(&a->classes[class], m, index_of(a, class, block)), &from,
                                        to);
}

void arena_reap(struct arena *a, const struct mapping *m, owner_id dead) {
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    struct arena_class *c = &a->classes[class];
    const uint64_t high = atomic_load(&c->high_water);
    for (uint64_t i = 0; i < high; i++) {
      uint32_t owner = dead;
      if (atomic_load_explicit(owner_word(c, m, i), memory_order_relaxed) != dead) continue;
      if (atomic_compare_exchange_strong(owner_word(c, m, i), &owner, 0))
        atomic_store_explicit(&c->first_free_hint, 0, memory_order_relaxed);
    }
  }
}

void arena_each_object(struct arena *a, const struct mapping *m,
                       void (*visit)(void *context, block_ref object), void *context) {
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    const struct arena_class *c = &a->classes[class];
    const uint64_t high = atomic_load(&c->high_water);
    for (uint64_t i = 0; i < high; i++) {
      const block_ref block = arena_block_at(a, class, i);
      if (atomic_load(owner_word(c, m, i)) == owner_of_object(block)) visit(context, block);
    }
  }
}

void arena_each_block(const struct arena *a, const struct mapping *m,
                      void (*visit)(void *context, block_ref block, owner_id owner), void *context) {
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    const struct arena_class *c = &a->classes[class];
    const uint64_t high = atomic_load(&c->high_water);
    for (uint64_t i = 0; i < high; i++) {
      const owner_id owner = atomic_load(owner_word(c, m, i));
      if (owner) visit(context, arena_block_at(a, class, i), owner);
    }
  }
}

uint64_t arena_used(const struct arena *a, const struct mapping *m) {
  uint64_t used = 0;
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    const struct arena_class *c = &a->classes[class];
    const uint64_t high = atomic_load(&c->high_water);
    for (uint64_t i = 0; i < high; i++) used += atomic_load(owner_word(c, m, i)) != 0;
  }
  return used;
}

void arena_validate(const struct arena *a, const struct mapping *m) {
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    const struct arena_class *c = &a->classes[class];
    CHECK_EQ(c->block_size, class_block_size(class));
    CHECK(atomic_load(&c->high_water) <= c->count);
    const uint64_t pages = (c->block_size + PAGE - 1) / PAGE;
    const uint64_t high = atomic_load(&c->high_water);
    for (uint64_t i = 0; i < high; i++) CHECK(atomic_load(committed_word(c, m, i)) <= pages);
  }
  CHECK(a->data + a->region_size * ARENA_CLASSES <= m->size);
}
