/* SPDX-License-Identifier: MIT */
#include "shared/object.h"

/* The generation survives reuse of the block by another object of the same kind. */
void object_init(struct object *o, enum object_kind kind) {
  const uint32_t generation = o->magic == OBJECT_MAGIC ? o->generation + 1 : 1;
  for (size_t i = 0; i < ROSTER_MAX / 64; i++) atomic_store(&o->holders[i], 0);
  atomic_store(&o->travel, 0);
  o->kind = kind;
  o->generation = generation & 0xffff;
  o->magic = OBJECT_MAGIC;
  atomic_store(&o->state, OBJECT_LIVE);
}

static void set_holder(struct object *o, uint32_t slot) {
  atomic_fetch_or(&o->holders[slot / 64], UINT64_C(1) << slot % 64);
}

static const uint64_t journey = UINT64_C(1) << 32;

void object_send(struct object *o) { atomic_fetch_add(&o->travel, journey + 1); }

void object_arrive(struct object *o, uint32_t slot) {
  if (slot != ROSTER_NOBODY) set_holder(o, slot);
  atomic_fetch_sub(&o->travel, 1);
}

void object_share(struct object *o, uint32_t slot) {
  atomic_fetch_add(&o->travel, journey);
  set_holder(o, slot);
}

void object_clear_holder(struct object *o, uint32_t slot) {
  atomic_fetch_and(&o->holders[slot / 64], ~(UINT64_C(1) << slot % 64));
}

bool object_is_held(const struct object *o) {
  for (size_t i = 0; i < ROSTER_MAX / 64; i++)
    if (atomic_load(&o->holders[i])) return true;
  return false;
}

bool object_try_end(struct object *o) {
  const uint64_t before = atomic_load(&o->travel);
  if ((uint32_t)before != 0 || object_is_held(o) || atomic_load(&o->travel) != before) return false;
  uint32_t live = OBJECT_LIVE;
  return atomic_compare_exchange_strong(&o->state, &live, OBJECT_DYING);
}
