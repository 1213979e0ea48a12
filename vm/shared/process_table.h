/* SPDX-License-Identifier: MIT */
/* The processes that take part: one slot for each process of the program.
 *
 * I1  A slot is FREE, RESERVED (by a parent, for a child to come) or LIVE. The state word carries
 *     the generation of the slot, which rises each time the slot becomes free: an owner id of an
 *     earlier life never matches a later one.
 * I2  A live process holds the slot's `life` lock until it dies. A process is dead when the
 *     kernel has marked its lock and its pid is gone. No timeout decides it.
 * I3  Any process that finds a process dead may clean up after it, several at once: each step
 *     can be done twice.
 */
#ifndef SHARED_PROCESS_TABLE_H
#define SHARED_PROCESS_TABLE_H

#include "os/process.h"
#include "os/robust_mutex.h"

enum { PROCESS_TABLE_MAX = 2048 };
#define PROCESS_TABLE_NOBODY UINT32_MAX

enum process_table_state { PROCESS_TABLE_FREE = 0, PROCESS_TABLE_RESERVED = 1, PROCESS_TABLE_LIVE = 2 };

struct process_table_slot {
  struct robust_mutex life;
  struct process_id id; /* RESERVED: of the parent, a moment later; LIVE: of the process */
  _Atomic uint64_t
      state; /* generation << 16 | RESERVED: slot of the parent + 1 << 2 | enum process_table_state */
  uint8_t pad[128 - sizeof(struct robust_mutex) - sizeof(struct process_id) - 8];
};
_Static_assert(sizeof(struct process_table_slot) == 128, "a slot is two cache lines");

struct process_table {
  _Atomic uint32_t high_water; /* slots at and above it were never used */
  uint8_t pad[124];
  struct process_table_slot slots[PROCESS_TABLE_MAX];
};

/* Takes a free slot for a process that `self`, in slot `by` (PROCESS_TABLE_NOBODY: it has none yet), is about to
 * start. -EAGAIN: all are taken. */
MUST_CHECK status process_table_reserve(struct process_table *r, const struct process_id *self, uint32_t by,
                                        uint32_t *slot);
/* The calling process, which is `self`, moves into its slot; on the thread that lives as long as
 * the process does. */
void process_table_move_in(struct process_table *r, uint32_t slot, const struct process_id *self);
/* A generation is part of every owner id. */
uint32_t process_table_generation(const struct process_table *r, uint32_t slot);
/* True when the process that has the slot, or was to have it, is gone. */
bool process_table_is_dead(struct process_table *r, uint32_t slot);
/* The slot is free again; its old owner ids are void. Call after the slot's blocks and
 * holds were reclaimed. */
void process_table_release(struct process_table *r, uint32_t slot, uint32_t generation);
/* Frees the slots that a dead process had reserved and not yet put its name to. */
void process_table_release_unnamed(struct process_table *r, uint32_t by);
bool process_table_is_free(const struct process_table *r, uint32_t slot);
/* For each dead process. `visit` reclaims its blocks and holds and calls process_table_release. */
void process_table_each_dead(struct process_table *r, void (*visit)(void *context, uint32_t slot),
                             void *context);
/* Aborts when an invariant does not hold. Read only. */
void process_table_validate(const struct process_table *r);

#endif
