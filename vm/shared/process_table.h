/* SPDX-License-Identifier: MIT */
/* The process table: one slot for each process of the program.
 *
 * I1  A slot is FREE, RESERVED (by a parent, for a child to come) or LIVE. The state word contains
 *     the generation of the slot, which rises each time the slot becomes free: an owner id of an
 *     earlier process in the slot never matches that of a later one.
 * I2  A live process holds the slot's `life` lock until it dies. A process is dead when the kernel
 *     has marked its lock and its pid is gone. No timeout decides it.
 * I3  Any process that finds a process dead may clean up after it, several at once: each step can
 *     be done twice.
 */
#ifndef SHARED_PROCESS_TABLE_H
#define SHARED_PROCESS_TABLE_H

#include "os/process.h"
#include "os/robust_mutex.h"

enum { PROCESS_TABLE_MAX = 2048 };
#define PROCESS_TABLE_NO_SLOT UINT32_MAX

enum process_table_state { PROCESS_TABLE_FREE = 0, PROCESS_TABLE_RESERVED = 1, PROCESS_TABLE_LIVE = 2 };

struct process_table_slot {
  struct robust_mutex life;
  struct process_id id;   /* RESERVED: the parent's, stored after the state; LIVE: the process's */
  _Atomic uint64_t state; /* generation << 16 | reserving slot + 1 << 2, if RESERVED | enum */
  uint8_t pad[128 - sizeof(struct robust_mutex) - sizeof(struct process_id) - 8];
};
_Static_assert(sizeof(struct process_table_slot) == 128, "a slot is two cache lines");

struct process_table {
  _Atomic uint32_t high_water; /* slots at and above it were never used */
  uint8_t pad[124];
  struct process_table_slot slots[PROCESS_TABLE_MAX];
};

/* Number of slots that were ever used, checked. */
static inline uint32_t process_table_count(const struct process_table *t) {
  const uint32_t high = atomic_load(&t->high_water);
  return high < PROCESS_TABLE_MAX ? high : PROCESS_TABLE_MAX;
}

/* Reserves a free slot for a process that `self`, in slot `by`, is about to start.
 * PROCESS_TABLE_NO_SLOT: `self` has no slot yet. -EAGAIN: all slots are taken. */
MUST_CHECK status process_table_reserve(struct process_table *t, const struct process_id *self, uint32_t by,
                                        uint32_t *slot);
/* Makes `slot`, which is reserved, that of the calling process, which is `self`. Call it on a
 * thread that lives as long as the process. */
void process_table_occupy(struct process_table *t, uint32_t slot, const struct process_id *self);
/* The slot's generation, a part of every owner id. */
uint32_t process_table_generation(const struct process_table *t, uint32_t slot);
/* True when the process in the slot is dead, or the one that reserved it. */
bool process_table_is_dead(struct process_table *t, uint32_t slot);
/* Frees the slot and makes its owner ids void, unless its generation is another one. Call after the
 * slot's blocks and holds were reclaimed. */
void process_table_release(struct process_table *t, uint32_t slot, uint32_t generation);
/* Frees the slots that the dead process in slot `by` had reserved without storing its identity
 * yet. */
void process_table_release_unnamed(struct process_table *t, uint32_t by);
/* Whether a process of the table has this number. */
bool process_table_has(const struct process_table *t, int32_t pid);
/* At the instant of the call: another process may take it. */
bool process_table_is_free(const struct process_table *t, uint32_t slot);
/* Calls visit for each dead process; it reclaims blocks and holds and calls
 * process_table_release. */
void process_table_each_dead(struct process_table *t, void (*visit)(void *context, uint32_t slot),
                             void *context);
/* Aborts when an invariant does not hold. Read only. */
void process_table_validate(const struct process_table *t);

#endif
