/* SPDX-License-Identifier: MIT */
#include "shared/shared_table.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

enum { FIRST_LOG = 5, TOMBSTONE = 1, EMPTY = 0 };

struct record {
  uint64_t hash;
  uint32_t key_size;
  uint32_t value_size;
  uint8_t bytes[]; /* key, value */
};

/* ---- blocks ---------------------------------------------------------------------------------- */

static owner_id table_owner(const struct shared_table *t) { return owner_of_object(segment_ref(t)); }

/* Frees a block of the table, unless an earlier repair has done so. */
static void drop_block(const struct shared_table *t, block_ref block) {
  if (arena_give(segment_arena(), block, table_owner(t), segment_self()))
    segment_free(block);
}

static void take_block(const struct shared_table *t, block_ref block) {
  CHECK(arena_give(segment_arena(), block, segment_self(), table_owner(t)));
}

static block_ref array_of(uint64_t slots) { return slots & ~UINT64_C(255); }
static uint64_t length_of(uint64_t slots) { return UINT64_C(1) << (slots & 255); }
static uint64_t *slots_at(uint64_t slots) { return segment_at(array_of(slots)); }
static struct record *record_at(uint64_t slot) { return segment_at(slot); }
static bool is_record(uint64_t slot) { return slot != EMPTY && slot != TOMBSTONE; }

/* ---- the lock and repair --------------------------------------------------------------------- */

static void count_again(struct shared_table *t) {
  const uint64_t slots = atomic_load(&t->slots);
  t->count = t->used = 0;
  for (uint64_t i = 0; i < length_of(slots); i++) {
    const uint64_t slot = slots_at(slots)[i];
    t->count += is_record(slot);
    t->used += slot != EMPTY;
  }
}

/* The slot has its new value or its old one; the record of the other value is freed. */
static void settle_change(struct shared_table *t) {
  if (!atomic_load(&t->is_changing)) return;
  const bool is_committed = slots_at(atomic_load(&t->slots))[t->journal_slot] == t->journal_new;
  const uint64_t other = is_committed ? t->journal_old : t->journal_new;
  if (is_record(other)) drop_block(t, other);
  KILL_POINT("table.settled");
  atomic_store(&t->is_changing, 0);
}

static void settle_growth(struct shared_table *t) {
  if (!t->journal_array) return;
  const bool is_committed = array_of(atomic_load(&t->slots)) == t->journal_array;
  drop_block(t, is_committed ? t->journal_past : t->journal_array);
  KILL_POINT("table.grown");
  t->journal_array = 0;
}

static void lock(struct shared_table *t) ACQUIRES(rank_sync) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&t->mutex) == ROBUST_CLEAN) return;
  settle_growth(t);
  settle_change(t);
  count_again(t);
  robust_mutex_mark_whole(&t->mutex);
}

static void unlock(struct shared_table *t) RELEASES(rank_sync) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&t->mutex);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* FNV-1a, then a final mix, because the low bits choose the slot. */
static uint64_t hash_of(struct shared_table_text key) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < key.size; i++)
    hash = (hash ^ ((const uint8_t *)key.bytes)[i]) * UINT64_C(1099511628211);
  return hash ^ hash >> 29;
}

static bool is_of(const struct record *r, uint64_t hash, struct shared_table_text key) {
  return r->hash == hash && r->key_size == key.size && memcmp(r->bytes, key.bytes, key.size) == 0;
}

/* The key's slot, or if it has none the slot for it: the first that is empty or a tombstone. The
 * array is never full. */
static uint64_t find(const struct shared_table *t, uint64_t hash, struct shared_table_text key,
                     bool *is_there) {
  const uint64_t slots = atomic_load_explicit(&t->slots, memory_order_relaxed);
  const uint64_t mask = length_of(slots) - 1;
  const uint64_t *array = slots_at(slots);
  uint64_t free = UINT64_MAX;
  *is_there = false;
  for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
    if (array[i] == EMPTY) return free == UINT64_MAX ? i : free;
    if (array[i] == TOMBSTONE) {
      if (free == UINT64_MAX) free = i;
      continue;
    }
    *is_there = is_of(record_at(array[i]), hash, key);
    if (*is_there) return i;
  }
}

/* ---- growing --------------------------------------------------------------------------------- */

static status make_array(unsigned log, uint64_t *slots) {
  block_ref block = 0;
  const uint64_t size = sizeof(uint64_t) << log;
  const status st = segment_alloc(size, &block);
  if (st) return st;
  memset(segment_at(block), 0, size);
  *slots = block | log;
  return STATUS_OK;
}

static void copy_slots(uint64_t from, uint64_t to) {
  uint64_t *array = slots_at(to);
  const uint64_t mask = length_of(to) - 1;
  for (uint64_t i = 0; i < length_of(from); i++) {
    const uint64_t slot = slots_at(from)[i];
    if (!is_record(slot)) continue;
    uint64_t at = record_at(slot)->hash & mask;
    while (array[at] != EMPTY) at = (at + 1) & mask;
    array[at] = slot;
  }
}

/* Makes a larger array, or one of the same size without the tombstones. At most half of its slots
 * are records then. */
static status make_room(struct shared_table *t) {
  const uint64_t past = atomic_load(&t->slots);
  if (4 * (t->used + 1) <= 3 * length_of(past)) return STATUS_OK;
  unsigned log = (unsigned)(past & 255);
  if (2 * (t->count + 1) > length_of(past)) log++;
  uint64_t slots = 0;
  const status st = make_array(log, &slots);
  if (st) return st;
  copy_slots(past, slots);
  t->journal_past = array_of(past);
  STORE_ORDER();
  t->journal_array = array_of(slots);
  STORE_ORDER();
  KILL_POINT("table.growing");
  take_block(t, array_of(slots));
  KILL_POINT("table.given");
  atomic_store(&t->slots, slots);
  KILL_POINT("table.moved");
  t->used = t->count;
  settle_growth(t);
  return STATUS_OK;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void change(struct shared_table *t, uint64_t at, uint64_t to) {
  uint64_t *slot = &slots_at(atomic_load(&t->slots))[at];
  t->journal_slot = at;
  t->journal_new = to;
  t->journal_old = *slot;
  STORE_ORDER();
  atomic_store(&t->is_changing, 1);
  KILL_POINT("table.journaled");
  if (is_record(to)) take_block(t, to);
  KILL_POINT("table.taken");
  t->used += *slot == EMPTY;
  t->count += (uint64_t)is_record(to) - (uint64_t)is_record(*slot);
  STORE_ORDER();
  *slot = to;
  STORE_ORDER();
  KILL_POINT("table.committed");
  settle_change(t);
}

static status make_record(uint64_t hash, struct shared_table_text key, struct shared_table_text value,
                          block_ref *out) {
  if (key.size > UINT32_MAX || value.size > UINT32_MAX) return STATUS_TOO_LARGE;
  const status st = segment_alloc(sizeof(struct record) + key.size + value.size, out);
  if (st) return st;
  struct record *r = record_at(*out);
  r->hash = hash;
  r->key_size = (uint32_t)key.size;
  r->value_size = (uint32_t)value.size;
  memcpy(r->bytes, key.bytes, key.size);
  if (value.size) memcpy(r->bytes + key.size, value.bytes, value.size);
  return STATUS_OK;
}

status shared_table_set(struct shared_table *t, struct shared_table_text key,
                        struct shared_table_text value) {
  const uint64_t hash = hash_of(key);
  block_ref record = 0;
  status st = make_record(hash, key, value, &record);
  if (st) return st;
  lock(t);
  st = make_room(t);
  if (st == STATUS_OK) {
    bool is_there = false;
    const uint64_t at = find(t, hash, key, &is_there);
    change(t, at, record);
  }
  unlock(t);
  if (st) segment_free(record);
  return st;
}

void shared_table_remove(struct shared_table *t, struct shared_table_text key) {
  const uint64_t hash = hash_of(key);
  bool is_there = false;
  lock(t);
  const uint64_t at = find(t, hash, key, &is_there);
  if (is_there) change(t, at, TOMBSTONE);
  unlock(t);
}

/* ---- reading --------------------------------------------------------------------------------- */

status shared_table_get(struct shared_table *t, struct shared_table_text key, struct bytes *value,
                        bool *is_there) {
  const uint64_t hash = hash_of(key);
  status st = STATUS_OK;
  lock(t);
  const uint64_t at = find(t, hash, key, is_there);
  if (*is_there) {
    const struct record *r = record_at(slots_at(atomic_load(&t->slots))[at]);
    st = bytes_append(value, r->bytes + r->key_size, r->value_size);
  }
  unlock(t);
  return st;
}

uint64_t shared_table_count(struct shared_table *t) {
  lock(t);
  const uint64_t count = t->count;
  unlock(t);
  return count;
}

status shared_table_keys(struct shared_table *t, struct bytes *keys) {
  status st = STATUS_OK;
  lock(t);
  const uint64_t slots = atomic_load(&t->slots);
  for (uint64_t i = 0; i < length_of(slots) && st == STATUS_OK; i++) {
    const uint64_t slot = slots_at(slots)[i];
    if (!is_record(slot)) continue;
    const struct record *r = record_at(slot);
    st = bytes_append(keys, &r->key_size, sizeof r->key_size);
    if (st == STATUS_OK) st = bytes_append(keys, r->bytes, r->key_size);
  }
  unlock(t);
  return st;
}

/* ---- making and the end ---------------------------------------------------------------------- */

status shared_table_make(struct shared_table **out) {
  uint64_t slots = 0;
  status st = make_array(FIRST_LOG, &slots);
  if (st) return st;
  struct object *object = NULL;
  st = segment_make_object(OBJECT_TABLE, sizeof(struct shared_table), &object);
  if (st) {
    segment_free(array_of(slots));
    return st;
  }
  memset(object + 1, 0, sizeof(struct shared_table) - sizeof *object);
  struct shared_table *t = (struct shared_table *)(void *)object;
  robust_mutex_init(&t->mutex);
  atomic_store(&t->slots, slots);
  segment_publish(object);
  KILL_POINT("table.made");
  take_block(t, array_of(slots));
  *out = t;
  return STATUS_OK;
}

/* The slots name the records that it owns. The array is freed last, because a second run needs it.
 * No other process has the table. */
static void destroy(struct object *object) {
  struct shared_table *t = (struct shared_table *)(void *)object;
  settle_growth(t);
  if (arena_owner(segment_arena(), array_of(atomic_load(&t->slots))) == table_owner(t)) {
    settle_change(t);
    const uint64_t slots = atomic_load(&t->slots);
    for (uint64_t i = 0; i < length_of(slots); i++)
      if (is_record(slots_at(slots)[i])) drop_block(t, slots_at(slots)[i]);
    KILL_POINT("table.emptied");
    drop_block(t, array_of(slots));
  }
  synchronizer_leave_beside(&t->lock);
}

void shared_table_register_kind(void) { segment_set_destructor(OBJECT_TABLE, destroy); }

void shared_table_validate(struct shared_table *t) {
  lock(t);
  const uint64_t slots = atomic_load(&t->slots);
  const uint64_t count = t->count;
  const uint64_t used = t->used;
  count_again(t);
  CHECK_EQ(t->count, count);
  CHECK_EQ(t->used, used);
  CHECK(used < length_of(slots));
  CHECK_EQ(arena_owner(segment_arena(), array_of(slots)), table_owner(t));
  for (uint64_t i = 0; i < length_of(slots); i++) {
    const uint64_t slot = slots_at(slots)[i];
    if (is_record(slot)) CHECK_EQ(arena_owner(segment_arena(), slot), table_owner(t));
  }
  unlock(t);
}
