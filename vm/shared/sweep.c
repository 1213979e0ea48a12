/* SPDX-License-Identifier: MIT */
/* See sweep.h. Each step of a sweep may be done twice, so the sweeper after one that died half-way
 * does everything again. rank_sweep keeps sweepers apart, and keeps the slot from being reserved
 * again meanwhile.
 */
#include "shared/sweep.h"

#include <errno.h>

#include "base/check.h"
#include "shared/attachments.h"
#include "shared/descriptor.h"
#include "shared/holds.h"
#include "shared/kill_point.h"
#include "shared/segment_private.h"
#include "shared/wait_graph.h"
#include "sync/lock_rank.h"

status segment_reserve_slot(struct child_slot *out) {
  uint32_t slot = 0;
  status st = segment_open();
  if (st) return st;
  st = process_table_reserve(segment.processes, &segment.id, segment.slot, &slot);
  if (st == -EAGAIN) {
    segment_sweep();
    st = process_table_reserve(segment.processes, &segment.id, segment.slot, &slot);
  }
  if (st) return st;
  *out = (struct child_slot){.slot = slot, .generation = process_table_generation(segment.processes, slot)};
  return STATUS_OK;
}

/* ---- dead processes -------------------------------------------------------------------------- */

static void drop_holder(struct object *o, uint32_t slot) {
  const object_owner_died owner_died =
      atomic_load_explicit(&segment.owner_died[object_kind_of(o)], memory_order_acquire);
  if (owner_died) owner_died(o, slot);
  object_clear_holder(o, slot);
  KILL_POINT("segment.holder_dropped");
}

/* The dead process may have been the object's last holder, may have just released it, or may have
 * been about to destroy it. */
static void leave_object(void *context, block_ref block) {
  const uint32_t slot = *(const uint32_t *)context;
  struct object *o = segment_at(block);
  if (o->magic != OBJECT_MAGIC) return;
  if (object_has_holder(o, slot)) drop_holder(o, slot);
  if (object_is_ended_by(o, slot))
    segment_destroy_object(o);
  else
    segment_end_if_unreachable(o);
}

/* Each step may be done twice, but not after another process has reserved the slot: hence the lock
 * and the generation. */
static void sweep_slot_locked(uint32_t slot, uint32_t generation) {
  if (process_table_generation(segment.processes, slot) != generation) return;
  segment_settle_count(); /* the count that the dead process was changing */
  wakers_forget(segment_wakers(), slot);
  arena_each_object(segment_arena(), leave_object, &slot);
  arena_reap(segment_arena(), owner_of_process(slot, generation));
  KILL_POINT("segment.reaped");
  attachments_reap(owner_of_process(slot, generation));
  accounts_reap(segment_arena()->accounts, owner_of_process(slot, generation));
  wait_graph_reap(segment_wait_graph(), owner_of_process(slot, generation));
  bar_rows_reap(segment_bar_rows(), owner_of_process(slot, generation));
  descriptor_sweep();
  process_table_release_unnamed(segment.processes, slot);
  process_table_release(segment.processes, slot, generation);
}

/* The next sweep does again whatever a sweeper that died half-way had begun. */
static void lock_sweep(void) ACQUIRES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_lock_whole(&segment.header->sweep_lock);
}

static void unlock_sweep(void) RELEASES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&segment.header->sweep_lock);
}

void segment_forget_child(struct child_slot child) {
  lock_sweep();
  sweep_slot_locked(child.slot, child.generation);
  unlock_sweep();
}

static void forget_visited(void *context, uint32_t slot) {
  (void)context;
  sweep_slot_locked(slot, process_table_generation(segment.processes, slot));
}

void segment_sweep(void) {
  lock_sweep();
  process_table_each_dead(segment.processes, forget_visited, NULL);
  unlock_sweep();
}

/* ---- validation ------------------------------------------------------------------------------ */

static void validate_process(owner_id owner) {
  const uint32_t slot = (owner & 0xffff) - 1;
  CHECK(slot < PROCESS_TABLE_MAX);
  CHECK(!process_table_is_free(segment.processes, slot));
  CHECK_EQ(owner, owner_of_process(slot, process_table_generation(segment.processes, slot)));
}

static void validate_object(const struct object *o) {
  object_validate(o);
  CHECK(arena_block_size(segment_arena(), segment_ref(o)) >= sizeof *o);
  for (uint32_t slot = 0; slot < PROCESS_TABLE_MAX; slot++)
    if (object_has_holder(o, slot)) CHECK(!process_table_is_free(segment.processes, slot));
}

static void validate_bar_rows(void) {
  const struct bar_rows *rows = segment_bar_rows();
  for (uint32_t row = 0; row < BAR_ROWS_MAX; row++) {
    const owner_id owner = atomic_load(&rows->owners[row]);
    if (owner) validate_process(owner);
  }
}

/* Each block's owner is a process in the table, or an existing object. */
static void validate_block(void *context, block_ref block, owner_id marked) {
  (void)context;
  const owner_id owner = marked & ~OWNER_CARRIES;
  if (marked & OWNER_CARRIES) attachments_validate(block);
  if (owner < owner_of_object(0)) {
    validate_process(owner);
    return;
  }
  const block_ref object = owner_object(owner);
  CHECK(arena_has(segment_arena(), object));
  CHECK_EQ(arena_owner(segment_arena(), object), owner);
  if (block == object) validate_object(segment_at(object));
}

void segment_validate(void) {
  segment_validate_header();
  arena_validate(segment_arena());
  accounts_validate(segment_arena()->accounts);
  wait_graph_validate(segment_wait_graph());
  validate_bar_rows();
  CHECK_EQ(atomic_load(&segment.header->count_journal.is_pending), 0);
  process_table_validate(segment.processes);
  wakers_validate(segment_wakers());
  descriptor_validate();
  arena_each_block(segment_arena(), validate_block, NULL);
}
