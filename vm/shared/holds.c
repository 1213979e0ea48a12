/* SPDX-License-Identifier: MIT */
/* See holds.h.
 *
 * The number of handles of this process on each object is in an open-addressing table, under
 * rank_holds; the object itself has one bit for the process (object.h, I1). A thread that drops the
 * last handle and one that receives a new one both take that lock, so bit and count agree whenever
 * the lock is free.
 */
#include "shared/holds.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"
#include "shared/kill_point.h"
#include "shared/segment_private.h"
#include "sync/lock_rank.h"

/* ---- what this process holds ----------------------------------------------------------------- */

static size_t place_of(const struct held_object *table, size_t capacity, block_ref object) {
  size_t at = (size_t)(object / ARENA_OBJECT_UNIT * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (capacity - 1);
  while (table[at].object && table[at].object != object) at = (at + 1) & (capacity - 1);
  return at;
}

static status grow_held(void) {
  if (segment.held_count * 2 < segment.held_capacity) return STATUS_OK;
  const size_t capacity = segment.held_capacity ? segment.held_capacity * 2 : 64;
  struct held_object *table = memory_alloc(capacity * sizeof *table);
  if (!table) return -ENOMEM;
  for (size_t i = 0; i < segment.held_capacity; i++)
    if (segment.held[i].object) table[place_of(table, capacity, segment.held[i].object)] = segment.held[i];
  memory_free(segment.held);
  segment.held = table;
  segment.held_capacity = capacity;
  return STATUS_OK;
}

/* Deletes without a tombstone: the entries behind the hole are inserted again. */
static void remove_place(size_t at) {
  const size_t mask = segment.held_capacity - 1;
  segment.held[at] = (struct held_object){0};
  segment.held_count--;
  for (size_t i = (at + 1) & mask; segment.held[i].object; i = (i + 1) & mask) {
    const struct held_object moved = segment.held[i];
    segment.held[i] = (struct held_object){0};
    segment.held[place_of(segment.held, segment.held_capacity, moved.object)] = moved;
  }
}

/* *is_first: the process had no handle before. rank_holds is held. */
static status add_handle_locked(struct object *o, bool *is_first) {
  const status st = grow_held();
  if (st) return st;
  struct held_object *place = &segment.held[place_of(segment.held, segment.held_capacity, segment_ref(o))];
  *is_first = place->object == 0;
  if (*is_first) {
    place->object = segment_ref(o);
    segment.held_count++;
  }
  place->handles++;
  return STATUS_OK;
}

status segment_hold(struct object *o) {
  bool is_first = false;
  mutex_lock(&segment.lock);
  const status st = add_handle_locked(o, &is_first);
  if (st == STATUS_OK && is_first) object_share(o, segment.slot);
  mutex_unlock(&segment.lock);
  return st;
}

static _Atomic uint64_t *word_at(block_ref at) { return segment_at(at & ~UINT64_C(7)); }

static void apply_count(struct count_journal *j) {
  if (!atomic_load(&j->is_pending)) return;
  atomic_store(word_at(j->count), j->new_count);
  KILL_POINT("segment.counted");
  atomic_store(word_at(j->noted), j->new_noted);
  STORE_ORDER();
  KILL_POINT("segment.noted");
  atomic_store(&j->is_pending, 0);
}

static void lock_count(void) ACQUIRES(rank_count) NO_THREAD_SAFETY_ANALYSIS {
  struct segment_header *h = segment.header;
  if (robust_mutex_lock(&h->count_lock) == ROBUST_CLEAN) return;
  apply_count(&h->count_journal);
}

static void unlock_count(void) RELEASES(rank_count) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&segment.header->count_lock);
}

void segment_settle_count(void) {
  lock_count();
  unlock_count();
}

/* May be done twice, the second time after a death in the first. */
void segment_destroy_object(struct object *o) {
  KILL_POINT("segment.destroying");
  const object_destructor destroy =
      atomic_load_explicit(&segment.destroy[object_kind_of(o)], memory_order_acquire);
  if (destroy) destroy(o);
  KILL_POINT("segment.destroyed");
  segment_free(segment_ref(o));
}

static bool is_object(const struct object *o) {
  const block_ref block = segment_ref(o);
  return block % ARENA_OBJECT_UNIT == 0 && arena_owner(segment_arena(), block) == owner_of_object(block);
}

/* Objects end under rank_count: no count changes meanwhile, and a half-done change is settled
 * before the block is used again. Another process may have ended the object already, and its block
 * may be in use again: the state is read before the owner, so that both belong to a living
 * object. */
static bool try_end(struct object *o) {
  lock_count();
  const bool is_ended = object_is_live(o) && is_object(o) && object_try_end(o, segment.slot);
  unlock_count();
  return is_ended;
}

void segment_end_if_unreachable(struct object *o) {
  if (try_end(o)) segment_destroy_object(o);
}

bool segment_is_sole(const struct object *o, uint32_t handles) {
  mutex_lock(&segment.lock);
  const size_t at = place_of(segment.held, segment.held_capacity, segment_ref(o));
  bool is_sole = segment.held[at].handles == handles;
  if (is_sole) {
    lock_count();
    is_sole = object_is_held_by_one(o, segment.slot);
    unlock_count();
  }
  mutex_unlock(&segment.lock);
  return is_sole;
}

void segment_release(struct object *o) {
  if (!segment_has(o)) return; /* the parent's, in a child that the host forked */
  mutex_lock(&segment.lock);
  const size_t at = place_of(segment.held, segment.held_capacity, segment_ref(o));
  const bool is_last = --segment.held[at].handles == 0;
  if (is_last) {
    remove_place(at);
    object_clear_holder(o, segment.slot);
    KILL_POINT("segment.released");
  }
  mutex_unlock(&segment.lock);
  if (is_last) segment_end_if_unreachable(o);
}

static struct object *remove_held(enum object_kind kind) {
  struct object *found = NULL;
  mutex_lock(&segment.lock);
  for (size_t i = 0; i < segment.held_capacity && !found; i++) {
    if (!segment.held[i].object) continue;
    struct object *o = segment_at(segment.held[i].object);
    if (o->kind != kind) continue;
    found = o;
    remove_place(i);
    object_clear_holder(o, segment.slot);
  }
  mutex_unlock(&segment.lock);
  return found;
}

void segment_release_all(enum object_kind kind) {
  for (struct object *o = remove_held(kind); o; o = remove_held(kind)) segment_end_if_unreachable(o);
}

bool segment_holds(object_ref ref, enum object_kind kind) {
  struct object *o = NULL;
  if (segment_find(ref, kind, &o)) return false;
  mutex_lock(&segment.lock);
  const bool holds = segment.held_capacity &&
                     segment.held[place_of(segment.held, segment.held_capacity, segment_ref(o))].object != 0;
  mutex_unlock(&segment.lock);
  return holds;
}

/* The object may end between find and hold; the second find detects that. */
status segment_claim(object_ref ref, enum object_kind kind) {
  struct object *o = NULL;
  if (segment_holds(ref, kind)) return STATUS_OK;
  status st = segment_find(ref, kind, &o);
  if (st == STATUS_OK) st = segment_hold(o);
  if (st) return st;
  if (segment_find(ref, kind, &o) == STATUS_OK) return STATUS_OK;
  segment_release(o);
  return STATUS_FOREIGN;
}

void segment_anchor(struct object *o, uint32_t anchor) { object_anchor(o, anchor); }

void segment_unanchor(struct object *o, uint32_t anchor) {
  object_unanchor(o, anchor);
  segment_end_if_unreachable(o);
}

/* ---- what is in flight ----------------------------------------------------------------------- */

static bool change_count(struct object *o, _Atomic uint64_t *noted, uint64_t from, uint64_t by) {
  struct count_journal *j = &segment.header->count_journal;
  lock_count();
  const bool is_meant = atomic_load(noted) == from;
  if (is_meant) {
    j->count = segment_ref(&o->in_flight);
    j->new_count = atomic_load(&o->in_flight) + by;
    j->noted = segment_ref(noted);
    j->new_noted = from + by;
    STORE_ORDER();
    KILL_POINT("segment.count_journaled");
    atomic_store(&j->is_pending, 1);
    KILL_POINT("segment.count_committed");
    apply_count(j);
  }
  unlock_count();
  return is_meant;
}

uint64_t segment_noted(const _Atomic uint64_t *noted) {
  lock_count();
  const uint64_t value = atomic_load(noted);
  unlock_count();
  return value;
}

bool segment_count_up(struct object *o, _Atomic uint64_t *noted, uint64_t from) {
  return change_count(o, noted, from, 1);
}

bool segment_count_down(struct object *o, _Atomic uint64_t *noted, uint64_t from) {
  if (!change_count(o, noted, from, UINT64_MAX)) return false;
  segment_end_if_unreachable(o);
  return true;
}

/* ---- objects --------------------------------------------------------------------------------- */

status segment_make_object(enum object_kind kind, uint64_t size, struct object **out) {
  block_ref block = 0;
  status st = segment_alloc_object(size, &block);
  if (st) return st;
  struct object *o = segment_at(block);
  object_init(o, kind, atomic_fetch_add(&segment.header->objects, 1) + 1);
  st = segment_hold(o);
  if (st)
    segment_free(block);
  else
    *out = o;
  return st;
}

void segment_publish(struct object *o) {
  const block_ref block = segment_ref(o);
  object_begin(o);
  KILL_POINT("segment.publishing");
  CHECK(arena_give(segment_arena(), block, segment.self, owner_of_object(block)));
}

enum { GENERATION_SHIFT = 48 };

object_ref segment_object_ref(const struct object *o) {
  return segment_ref(o) | (uint64_t)o->generation << GENERATION_SHIFT;
}

static block_ref block_in(object_ref ref) { return ref & ((UINT64_C(1) << GENERATION_SHIFT) - 1); }

struct object *segment_object(object_ref ref) {
  return segment_at(block_in(ref) / ARENA_OBJECT_UNIT * ARENA_OBJECT_UNIT);
}

status segment_find(object_ref ref, enum object_kind kind, struct object **out) {
  const block_ref block = block_in(ref);
  if (!arena_has(segment_arena(), block) || !is_object(segment_at(block))) return STATUS_FOREIGN;
  struct object *o = segment_at(block);
  if (o->magic != OBJECT_MAGIC || o->kind != kind || o->generation != ref >> GENERATION_SHIFT)
    return STATUS_FOREIGN;
  if (!object_is_live(o)) return STATUS_FOREIGN;
  *out = o;
  return STATUS_OK;
}

void segment_set_destructor(enum object_kind kind, object_destructor destroy) {
  segment.destroy[kind] = destroy;
}

void segment_set_owner_died(enum object_kind kind, object_owner_died owner_died) {
  segment.owner_died[kind] = owner_died;
}

/* ---- children -------------------------------------------------------------------------------- */

static bool is_passed(const struct object *o, const struct object_list *passed) {
  if (o->kind != OBJECT_PIPE_END || !passed) return true;
  for (size_t i = 0; i < passed->count; i++)
    if (passed->refs[i] == segment_object_ref(o)) return true;
  return false;
}

/* The child's bits are set before the child exists: it never holds less than it inherits. */
void segment_share_with_child(uint32_t slot, const struct object_list *passed) {
  mutex_lock(&segment.lock);
  for (size_t i = 0; i < segment.held_capacity; i++) {
    if (!segment.held[i].object) continue;
    struct object *o = segment_at(segment.held[i].object);
    if (is_passed(o, passed))
      object_share(o, slot);
    else
      object_lend(o);
    KILL_POINT("segment.shared");
  }
  mutex_unlock(&segment.lock);
}

static bool is_ours(const struct object *o) { return object_has_holder(o, segment.slot); }

/* Removes the objects that were not passed from the table that fork copied. A removal moves other
 * entries up, so each place is checked until it stays. */
void segment_after_fork(uint32_t slot) {
  atomic_fetch_add(&segment.epoch, 1);
  segment_take_place(slot);
  for (size_t i = 0; i < segment.held_capacity;) {
    const block_ref object = segment.held[i].object;
    if (object && !is_ours(segment_at(object)))
      remove_place(i);
    else
      i++;
  }
}
