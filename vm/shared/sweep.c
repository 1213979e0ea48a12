/* SPDX-License-Identifier: MIT */
/* See sweep.h. Each step of a sweep may be done twice, so a sweeper that dies half-way is followed
 * by one that does everything again; rank_sweep keeps sweepers apart, and the slot from a new
 * tenant meanwhile.
 */
#include "shared/sweep.h"

#include <errno.h>

#include "base/check.h"
#include "shared/attachments.h"
#include "shared/holds.h"
#include "shared/kill_point.h"
#include "shared/segment_private.h"
#include "sync/lock_rank.h"

status commons_reserve_slot(struct child_slot *out) {
  uint32_t slot = 0;
  status st = roster_reserve(commons.roster, &commons.id, commons.slot, &slot);
  if (st == -EAGAIN) {
    commons_sweep();
    st = roster_reserve(commons.roster, &commons.id, commons.slot, &slot);
  }
  if (st) return st;
  *out = (struct child_slot){.slot = slot, .generation = roster_generation(commons.roster, slot)};
  return STATUS_OK;
}

/* ---- the dead -------------------------------------------------------------------------------- */

static void drop_holder(struct object *o, uint32_t slot) {
  const object_mourner mourn = atomic_load_explicit(&commons.mourn[o->kind], memory_order_acquire);
  if (mourn) mourn(o, slot);
  object_clear_holder(o, slot);
  KILL_POINT("commons.holder_dropped");
}

/* The dead one may have been the last to hold it, or just have let go of it, or have been about to
 * destroy it.
 */
static void leave_object(void *context, block_ref block) {
  const uint32_t slot = *(const uint32_t *)context;
  struct object *o = commons_at(block);
  if (o->magic != OBJECT_MAGIC) return;
  if (object_has_holder(o, slot)) drop_holder(o, slot);
  if (object_is_ended_by(o, slot))
    commons_destroy_object(o);
  else
    commons_end_if_unreachable(o);
}

/* Each step may be done twice, but not after the slot has a new tenant: hence the lock, and the
 * generation.
 */
static void sweep_slot_locked(uint32_t slot, uint32_t generation) {
  if (roster_generation(commons.roster, slot) != generation) return;
  commons_settle_count(); /* what the dead one was counting */
  bells_forget(commons_bells(), slot);
  arena_each_object(commons_arena(), &commons.map, leave_object, &slot);
  arena_reap(commons_arena(), &commons.map, owner_of_participant(slot, generation));
  KILL_POINT("commons.reaped");
  cargo_reap(owner_of_participant(slot, generation));
  roster_release_unnamed(commons.roster, slot);
  roster_release(commons.roster, slot, generation);
}

/* A sweeper that died half-way left nothing that the next sweep does not do again. */
static void lock_sweep(void) ACQUIRES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&commons.header->sweep_lock) == ROBUST_ABANDONED)
    robust_mutex_mark_whole(&commons.header->sweep_lock);
}

static void unlock_sweep(void) RELEASES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&commons.header->sweep_lock);
}

void commons_forget_child(struct child_slot child) {
  lock_sweep();
  sweep_slot_locked(child.slot, child.generation);
  unlock_sweep();
}

static void forget_visited(void *context, uint32_t slot) {
  (void)context;
  sweep_slot_locked(slot, roster_generation(commons.roster, slot));
}

void commons_sweep(void) {
  lock_sweep();
  roster_each_dead(commons.roster, forget_visited, NULL);
  unlock_sweep();
}

/* ---- what always holds ----------------------------------------------------------------------- */

static void validate_participant(owner_id owner) {
  const uint32_t slot = (owner & 0xffff) - 1;
  CHECK(slot < ROSTER_MAX);
  CHECK(!roster_is_free(commons.roster, slot));
  CHECK_EQ(owner, owner_of_participant(slot, roster_generation(commons.roster, slot)));
}

static void validate_object(const struct object *o) {
  object_validate(o);
  CHECK(arena_block_size(commons_arena(), commons_ref(o)) >= sizeof *o);
  for (uint32_t slot = 0; slot < ROSTER_MAX; slot++)
    if (object_has_holder(o, slot)) CHECK(!roster_is_free(commons.roster, slot));
}

/* Each block belongs to a participant that there is, or to an object that there is. */
static void validate_block(void *context, block_ref block, owner_id marked) {
  (void)context;
  const owner_id owner = marked & ~OWNER_CARRIES;
  if (marked & OWNER_CARRIES) cargo_validate(block);
  if (owner < owner_of_object(0)) {
    validate_participant(owner);
    return;
  }
  const block_ref object = (block_ref)(owner - owner_of_object(0)) << 8;
  CHECK(arena_has(commons_arena(), object));
  CHECK_EQ(arena_owner(commons_arena(), &commons.map, object), owner);
  if (block == object) validate_object(commons_at(object));
}

void commons_validate(void) {
  commons_validate_header();
  arena_validate(commons_arena(), &commons.map);
  CHECK_EQ(atomic_load(&commons.header->count_journal.is_pending), 0);
  roster_validate(commons.roster);
  bells_validate(commons_bells());
  arena_each_block(commons_arena(), &commons.map, validate_block, NULL);
}
