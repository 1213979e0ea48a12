/* SPDX-License-Identifier: MIT */
/* Slots for processes to come, and what the dead ones left in the segment.
 *
 * A sweep settles what the dead process was counting, drops its holds, ends the objects that nobody
 * can reach any more, and frees its blocks and attachments; then its slot is free. The parent of a
 * process sweeps after it; a thread that waits for long sweeps after all the dead.
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

/* A slot for a process that this one is about to start. */
MUST_CHECK status segment_reserve_slot(struct child_slot *out);
/* The child has ended, or never came to be (the caller knows): sweeps what it left. Safe to call
 * twice. */
void segment_forget_child(struct child_slot child);
/* Sweeps after everybody who is dead. Cheap when nobody is. */
void segment_sweep(void);

/* Aborts when an invariant does not hold: of the arena, the process table, the wakers and the objects. Read
 * only; the dead must have been swept, and nobody else may be at work. */
void segment_validate(void);

#endif
