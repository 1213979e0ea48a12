/* SPDX-License-Identifier: MIT */
/* Slots for children, and cleaning up after dead processes.
 *
 * A sweep settles the count that the dead process was changing, drops its holds, ends the objects
 * that are no longer reachable, and frees its blocks and attachments; then it frees its slot. A
 * parent sweeps after its child; a thread that waits for long sweeps after all dead processes.
 *
 * I1  One process sweeps at a time, under rank_sweep. A sweeper may die at any instant: each step
 *     may be done twice.
 *
 * All functions: any thread, unless said otherwise.
 */
#ifndef SHARED_SWEEP_H
#define SHARED_SWEEP_H

#include "shared/segment.h"

struct child_slot {
  uint32_t slot;
  uint32_t generation;
};

/* Reserves a slot for a process that this one is about to start. -EAGAIN: all slots are taken. */
MUST_CHECK status segment_reserve_slot(struct child_slot *out);
/* Sweeps after a child that has ended, or that was never started. Safe to call twice. */
void segment_forget_child(struct child_slot child);
/* Sweeps after all dead processes. Cheap when there is none. */
void segment_sweep(void);

/* Aborts when an invariant of the arena, the process table, the wakers or the objects does not
 * hold. Read only. All dead processes must have been swept, and no other thread may use the
 * segment. */
void segment_validate(void);

#endif
