/* SPDX-License-Identifier: MIT */
#include "shared/object.h"

#include "base/check.h"
#include "shared/kill_point.h"

/* `generation` and `additions` are others than those of an earlier object in the same place: a
 * sweeper that still looks at the old object detects that it is another one. */
void object_init(struct object *o, enum object_kind kind, uint64_t number) {
  atomic_store(&o->state, OBJECT_NEW);
  for (size_t i = 0; i < PROCESS_TABLE_MAX / 64; i++) atomic_store(&o->holders[i], 0);
  atomic_store(&o->in_flight, 0);
  atomic_store(&o->additions, number << 24);
  atomic_store(&o->anchors, 0);
  atomic_store(&o->purpose, PURPOSE_NONE);
  o->kind = kind;
  o->generation = number & 0xffff;
  o->magic = OBJECT_MAGIC;
}

void object_begin(struct object *o) { atomic_store(&o->state, OBJECT_LIVE); }

static void set_holder(struct object *o, uint32_t slot) {
  atomic_fetch_or(&o->holders[slot / 64], UINT64_C(1) << slot % 64);
}

/* Counted last: a process that read the bit too early finds that `additions` has moved (I2). */
void object_share(struct object *o, uint32_t slot) {
  set_holder(o, slot);
  KILL_POINT("object.sharing");
  atomic_fetch_add(&o->additions, 1);
}

void object_lend(struct object *o) { atomic_store(&o->purpose, PURPOSE_LENT); }

void object_clear_holder(struct object *o, uint32_t slot) {
  atomic_fetch_and(&o->holders[slot / 64], ~(UINT64_C(1) << slot % 64));
}

bool object_has_holder(const struct object *o, uint32_t slot) {
  return (atomic_load(&o->holders[slot / 64]) & UINT64_C(1) << slot % 64) != 0;
}

void object_anchor(struct object *o, uint32_t anchor) {
  atomic_fetch_or(&o->anchors, anchor);
  KILL_POINT("object.anchoring");
  atomic_fetch_add(&o->additions, 1);
}

void object_unanchor(struct object *o, uint32_t anchor) {
  atomic_fetch_and(&o->anchors, ~anchor);
  KILL_POINT("object.unanchored");
}

bool object_is_held(const struct object *o) {
  for (size_t i = 0; i < PROCESS_TABLE_MAX / 64; i++)
    if (atomic_load(&o->holders[i])) return true;
  return false;
}

static bool has_other_holder(const struct object *o, uint32_t slot) {
  for (size_t i = 0; i < PROCESS_TABLE_MAX / 64; i++) {
    const uint64_t own = i == slot / 64 ? UINT64_C(1) << slot % 64 : 0;
    if (atomic_load(&o->holders[i]) & ~own) return true;
  }
  return false;
}

/* A holder that lent the object did so before it let go, so that is asked last. */
bool object_is_held_by_one(const struct object *o, uint32_t slot) {
  const uint64_t before = atomic_load(&o->additions);
  if (atomic_load(&o->in_flight) || atomic_load(&o->anchors) || has_other_holder(o, slot)) return false;
  return atomic_load(&o->additions) == before && atomic_load(&o->purpose) != PURPOSE_LENT;
}

bool object_is_live(const struct object *o) { return atomic_load(&o->state) == OBJECT_LIVE; }

static uint32_t dying_by(uint32_t slot) { return OBJECT_DYING | slot << OBJECT_SLOT_SHIFT; }

bool object_try_end(struct object *o, uint32_t slot) {
  const uint64_t before = atomic_load(&o->additions);
  if (atomic_load(&o->in_flight) || atomic_load(&o->anchors) || object_is_held(o)) return false;
  if (atomic_load(&o->additions) != before) return false;
  uint32_t live = OBJECT_LIVE;
  return atomic_compare_exchange_strong(&o->state, &live, dying_by(slot));
}

bool object_is_ended_by(const struct object *o, uint32_t slot) {
  return atomic_load(&o->state) == dying_by(slot);
}

enum object_kind object_kind_of(const struct object *o) {
  const uint32_t kind = *(const volatile uint32_t *)&o->kind;
  CHECK(kind >= OBJECT_RING && kind <= OBJECT_KIND_LAST);
  return (enum object_kind)kind;
}

void object_validate(const struct object *o) {
  const uint32_t state = atomic_load(&o->state);
  CHECK_EQ(o->magic, OBJECT_MAGIC);
  CHECK(o->kind >= OBJECT_RING && o->kind <= OBJECT_KIND_LAST);
  CHECK(state == OBJECT_LIVE || (state & 0xff) == OBJECT_DYING);
  CHECK(atomic_load(&o->in_flight) < UINT64_C(1) << 63); /* never lowered more often than raised */
  CHECK(o->kind == OBJECT_RING || o->kind == OBJECT_SYNCHRONIZER || !atomic_load(&o->anchors));
}
