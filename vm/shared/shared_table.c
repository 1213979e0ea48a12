/* SPDX-License-Identifier: MIT */
#include "shared/shared_table.h"

#include <string.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/crypto.h"
#include "shared/kill_point.h"

enum {
  FIRST_LOG = 5,
  LOG_MAX = 40,
  TOMBSTONE = 1,
  EMPTY = 0,
  TAG_BITS = 28,
  PLACE_SHIFT = 4,
  LARGE_LOG = 14
};

struct record {
  uint32_t key_size;
  uint32_t value_size;
  uint8_t bytes[]; /* key, value */
};

/* What a record says of itself, read once and checked. */
struct entry {
  block_ref block;
  uint32_t key_size;
  uint32_t value_size;
  const uint8_t *bytes;
};

/* ---- blocks ---------------------------------------------------------------------------------- */

static owner_id table_owner(const struct shared_table *t) { return owner_of_object(segment_ref(t)); }

static bool owns_block(const struct shared_table *t, block_ref block) {
  return arena_owner(segment_arena(), block) == table_owner(t);
}

/* Frees a block of the table, unless an earlier repair has done so. */
static void drop_block(const struct shared_table *t, block_ref block) {
  (void)arena_free_of(segment_arena(), block, table_owner(t));
}

static void take_block(const struct shared_table *t, block_ref block) {
  CHECK(arena_give(segment_arena(), block, segment_self(), table_owner(t)));
}

static block_ref array_of(uint64_t slots) { return slots & ~UINT64_C(255); }
static unsigned log_of(uint64_t slots) {
  CHECK((slots & 255) <= LOG_MAX);
  return (unsigned)(slots & 255);
}
static uint64_t length_of(uint64_t slots) { return UINT64_C(1) << log_of(slots); }
static inline uint64_t *slots_at(uint64_t slots) {
  return segment_bytes_at(array_of(slots), sizeof(uint64_t) << log_of(slots));
}
static uint64_t *slot_at(uint64_t slots, uint64_t index) {
  CHECK(index < length_of(slots));
  return slots_at(slots) + index;
}

static bool is_record(uint64_t slot) { return slot != EMPTY && slot != TOMBSTONE; }
static uint64_t tag_of(uint64_t hash) { return hash & ((UINT64_C(1) << TAG_BITS) - 1); }
static uint64_t slot_word(block_ref block, uint64_t hash) {
  return block >> PLACE_SHIFT << TAG_BITS | tag_of(hash);
}
static block_ref block_of(uint64_t slot) { return slot >> TAG_BITS << PLACE_SHIFT; }

static inline struct entry entry_of(uint64_t slot) {
  const block_ref block = block_of(slot);
  const volatile struct record *r = segment_at(block);
  struct entry e = {.block = block, .key_size = r->key_size, .value_size = r->value_size};
  const struct record *whole = segment_bytes_at(block, sizeof *whole + (uint64_t)e.key_size + e.value_size);
  e.bytes = whole->bytes;
  return e;
}

static uint64_t bytes_of(const struct entry *e) {
  return SHARED_TABLE_ENTRY + (uint64_t)e->key_size + e->value_size;
}

static uint64_t bytes_of_slot(uint64_t slot) {
  if (!is_record(slot)) return 0;
  const struct entry e = entry_of(slot);
  return bytes_of(&e);
}

/* ---- the lock and repair --------------------------------------------------------------------- */

static void count_again(struct shared_table *t) {
  const uint64_t slots = atomic_load(&t->slots);
  t->count = t->used = t->bytes = 0;
  for (uint64_t i = 0; i < length_of(slots); i++) {
    const uint64_t slot = slots_at(slots)[i];
    t->count += is_record(slot);
    t->used += slot != EMPTY;
    t->bytes += bytes_of_slot(slot);
  }
}

/* The slot has its new value or its old one; the record of the other value is freed. */
static void settle_change(struct shared_table *t) {
  if (!atomic_load(&t->is_changing)) return;
  const bool is_committed = *slot_at(atomic_load(&t->slots), t->journal_slot) == t->journal_new;
  const uint64_t other = is_committed ? t->journal_old : t->journal_new;
  if (is_record(other)) drop_block(t, block_of(other));
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
  atomic_fetch_add(&t->changes, 1);
}

static void unlock(struct shared_table *t) RELEASES(rank_sync) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&t->mutex);
}

/* ---- finding --------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct shared_table *t, struct shared_table_text key) {
  return siphash(&t->hash_key, key.bytes, key.size);
}

/* In a large table each of the words that an operation needs is a cache miss: the first one begins
 * before the lock is taken. */
static inline void prefetch_slot(const struct shared_table *t, uint64_t hash) {
  const uint64_t slots = atomic_load_explicit(&t->slots, memory_order_relaxed);
  if (log_of(slots) < LARGE_LOG) return;
  __builtin_prefetch(slots_at(slots) + (hash & (length_of(slots) - 1)), 1);
}

static inline bool is_of(const struct entry *e, struct shared_table_text key) {
  return e->key_size == key.size && memcmp(e->bytes, key.bytes, key.size) == 0;
}

enum intent { TO_READ, TO_CHANGE };

/* The key's slot, and *entry, its record; or, if it has none (entry->block is 0), the slot for it:
 * the first that is empty or a tombstone. */
static uint64_t find(const struct shared_table *t, uint64_t hash, struct shared_table_text key,
                     enum intent intent, struct entry *entry) {
  const uint64_t slots = atomic_load_explicit(&t->slots, memory_order_relaxed);
  const uint64_t length = length_of(slots);
  const uint64_t *array = slots_at(slots);
  const uint64_t tag = tag_of(hash);
  uint64_t free = UINT64_MAX;
  entry->block = 0;
  for (uint64_t step = 0; step < length; step++) {
    const uint64_t i = (hash + step) & (length - 1);
    const uint64_t slot = array[i];
    if (slot == EMPTY) return free == UINT64_MAX ? i : free;
    if (slot == TOMBSTONE) {
      if (free == UINT64_MAX) free = i;
    } else if (tag_of(slot) == tag) {
      if (intent == TO_CHANGE && length > 1 << LARGE_LOG) arena_prefetch(segment_arena(), block_of(slot));
      const struct entry found = entry_of(slot);
      if (!is_of(&found, key)) continue;
      *entry = found;
      return i;
    }
  }
  CHECK(free != UINT64_MAX); /* the array is never full */
  return free;
}

/* ---- growing --------------------------------------------------------------------------------- */

static status make_array(unsigned log, uint64_t *slots) {
  block_ref block = 0;
  const uint64_t size = sizeof(uint64_t) << log;
  const status st = log == FIRST_LOG ? segment_alloc_vital(size, &block) : segment_alloc(size, &block);
  if (st) return st;
  memset(segment_at(block), 0, size);
  *slots = block | log;
  return STATUS_OK;
}

/* Arrays of more than 2^28 words need more of the hash than the words have. */
static uint64_t home_of(const struct shared_table *t, uint64_t slot, unsigned log) {
  if (log <= TAG_BITS) return slot & ((UINT64_C(1) << log) - 1);
  const struct entry e = entry_of(slot);
  const struct shared_table_text key = {e.bytes, e.key_size};
  return hash_of(t, key) & ((UINT64_C(1) << log) - 1);
}

static void copy_slots(const struct shared_table *t, uint64_t from, uint64_t to) {
  const uint64_t *old = slots_at(from);
  uint64_t *array = slots_at(to);
  const unsigned log = log_of(to);
  const uint64_t mask = length_of(to) - 1;
  for (uint64_t i = 0; i < length_of(from); i++) {
    const uint64_t slot = old[i];
    if (!is_record(slot)) continue;
    uint64_t at = home_of(t, slot, log);
    while (array[at] != EMPTY) at = (at + 1) & mask;
    array[at] = slot;
  }
}

/* Makes a larger array, or one of the same size without the tombstones. At most half of its slots
 * are records then. */
static status make_room(struct shared_table *t) {
  const uint64_t past = atomic_load(&t->slots);
  if (4 * (t->used + 1) <= 3 * length_of(past)) return STATUS_OK;
  CHECK(t->count <= length_of(past));
  unsigned log = log_of(past);
  if (2 * (t->count + 1) > length_of(past)) log++;
  uint64_t slots = 0;
  const status st = make_array(log, &slots);
  if (st) return st;
  copy_slots(t, past, slots);
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
  uint64_t *slot = slot_at(atomic_load(&t->slots), at);
  const uint64_t old = *slot;
  t->journal_slot = at;
  t->journal_new = to;
  t->journal_old = old;
  STORE_ORDER();
  atomic_store(&t->is_changing, 1);
  KILL_POINT("table.journaled");
  if (is_record(to)) take_block(t, block_of(to));
  KILL_POINT("table.taken");
  t->used += old == EMPTY;
  t->count += (uint64_t)is_record(to) - (uint64_t)is_record(old);
  t->bytes += bytes_of_slot(to) - bytes_of_slot(old);
  STORE_ORDER();
  *slot = to;
  STORE_ORDER();
  KILL_POINT("table.committed");
  atomic_fetch_add(&t->changes, 1);
  settle_change(t);
}

/* After a change, without the lock. */
static void wake_watchers(struct shared_table *t) {
  if (!atomic_load(&t->watchers)) return;
  KILL_POINT("table.ringing");
  wakers_wake(segment_wakers(), atomic_exchange(&t->watchers, 0));
}

static status make_record(struct shared_table_text key, struct shared_table_text value, block_ref *out) {
  if (key.size > UINT32_MAX || value.size > UINT32_MAX) return STATUS_TOO_LARGE;
  const status st = segment_alloc(sizeof(struct record) + key.size + value.size, out);
  if (st) return st;
  struct record *r = segment_at(*out);
  r->key_size = (uint32_t)key.size;
  r->value_size = (uint32_t)value.size;
  memcpy(r->bytes, key.bytes, key.size);
  if (value.size) memcpy(r->bytes + key.size, value.bytes, value.size);
  return STATUS_OK;
}

/* STATUS_FULL: the table would have more than its bytes. */
static status set_locked(struct shared_table *t, uint64_t hash, struct shared_table_text key,
                         block_ref record) REQUIRES(rank_sync) {
  const status st = make_room(t);
  if (st) return st;
  struct entry entry;
  const uint64_t at = find(t, hash, key, TO_CHANGE, &entry);
  const uint64_t slot = slot_word(record, hash);
  if (t->max_bytes) {
    const uint64_t old = entry.block ? bytes_of(&entry) : 0;
    if (t->bytes - old + bytes_of_slot(slot) > t->max_bytes) return STATUS_FULL;
  }
  change(t, at, slot);
  return STATUS_OK;
}

status shared_table_set(struct shared_table *t, struct shared_table_text key,
                        struct shared_table_text value) {
  const uint64_t hash = hash_of(t, key);
  block_ref record = 0;
  prefetch_slot(t, hash);
  status st = make_record(key, value, &record);
  if (st) return st;
  lock(t);
  st = set_locked(t, hash, key, record);
  unlock(t);
  if (st == STATUS_OK) wake_watchers(t);
  if (st) segment_free(record);
  return st;
}

void shared_table_remove(struct shared_table *t, struct shared_table_text key) {
  const uint64_t hash = hash_of(t, key);
  struct entry entry;
  lock(t);
  const uint64_t at = find(t, hash, key, TO_CHANGE, &entry);
  if (entry.block) change(t, at, TOMBSTONE);
  unlock(t);
  wake_watchers(t);
}

/* ---- waiting for a change -------------------------------------------------------------------- */

uint32_t shared_table_changes(const struct shared_table *t) { return atomic_load(&t->changes); }

status shared_table_await_change(struct shared_table *t, uint32_t seen, deadline until) {
  struct waker_hold hold;
  status st = STATUS_OK;
  wakers_take(segment_wakers(), segment_slot(), &hold);
  while (st == STATUS_OK) {
    const uint32_t wakes = wakers_seen(&hold);
    atomic_fetch_or(&t->watchers, hold.bit);
    if (shared_table_changes(t) != seen) break;
    st = deadline_passed(until) ? STATUS_TIMEOUT : wakers_sleep(&hold, wakes, until);
  }
  wakers_release(&hold);
  return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

status shared_table_get(struct shared_table *t, struct shared_table_text key, struct bytes *value,
                        bool *is_there) {
  const uint64_t hash = hash_of(t, key);
  status st = STATUS_OK;
  struct entry entry;
  prefetch_slot(t, hash);
  lock(t);
  (void)find(t, hash, key, TO_READ, &entry);
  *is_there = entry.block != 0;
  if (*is_there) st = bytes_append(value, entry.bytes + entry.key_size, entry.value_size);
  unlock(t);
  return st;
}

uint64_t shared_table_count(struct shared_table *t) {
  lock(t);
  const uint64_t count = t->count;
  unlock(t);
  return count;
}

uint64_t shared_table_bytes(struct shared_table *t) {
  lock(t);
  const uint64_t bytes = t->bytes;
  unlock(t);
  return bytes;
}

status shared_table_keys(struct shared_table *t, struct bytes *keys) {
  status st = STATUS_OK;
  lock(t);
  const uint64_t slots = atomic_load(&t->slots);
  for (uint64_t i = 0; i < length_of(slots) && st == STATUS_OK; i++) {
    const uint64_t slot = slots_at(slots)[i];
    if (!is_record(slot)) continue;
    const struct entry e = entry_of(slot);
    st = bytes_append(keys, &e.key_size, sizeof e.key_size);
    if (st == STATUS_OK) st = bytes_append(keys, e.bytes, e.key_size);
  }
  unlock(t);
  return st;
}

/* ---- making and the end ---------------------------------------------------------------------- */

status shared_table_make(uint64_t max_bytes, struct shared_table **out) {
  uint64_t slots = 0;
  struct siphash_key key;
  status st = crypto_random(&key, sizeof key);
  if (st == STATUS_OK) st = make_array(FIRST_LOG, &slots);
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
  t->hash_key = key;
  t->max_bytes = max_bytes;
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
  if (owns_block(t, array_of(atomic_load(&t->slots)))) {
    settle_change(t);
    const uint64_t slots = atomic_load(&t->slots);
    for (uint64_t i = 0; i < length_of(slots); i++)
      if (is_record(slots_at(slots)[i])) drop_block(t, block_of(slots_at(slots)[i]));
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
  const uint64_t bytes = t->bytes;
  count_again(t);
  CHECK_EQ(t->count, count);
  CHECK_EQ(t->bytes, bytes);
  CHECK_EQ(t->used, used);
  CHECK(used < length_of(slots));
  CHECK_EQ(arena_owner(segment_arena(), array_of(slots)), table_owner(t));
  for (uint64_t i = 0; i < length_of(slots); i++) {
    const uint64_t slot = slots_at(slots)[i];
    if (is_record(slot)) CHECK_EQ(arena_owner(segment_arena(), block_of(slot)), table_owner(t));
  }
  unlock(t);
}
