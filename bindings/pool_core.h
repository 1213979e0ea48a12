/* SPDX-License-Identifier: MIT */
/* The part of a pool that is not policy: two rings, and what goes through them.
 *
 *     parent ── tasks ──► any worker ── results ──► parent
 *
 * Workers take tasks by themselves, so they stay busy while the parent computes. The parent knows who holds
 * what all the same: a worker's claim (task/cell.h) is the number of the task in its hands, exact whatever
 * instant it dies at, because the take that commits and the claim are one (shared/ring.h). Both rings survive
 * the death of whoever uses them; no lock is held while a task runs. See docs/decisions/0003-pool-rings.md.
 *
 * In front of each wire message stands an envelope, so that a task whose arguments, or a result whose
 * values cannot be decoded still says which task it is.
 */
#ifndef BINDINGS_POOL_CORE_H
#define BINDINGS_POOL_CORE_H

#include "arguments.h"
#include "channel/message.h"

enum task_mode { TASK_CALL = 0, TASK_MAP = 1, TASK_STARMAP = 2 };
enum task_outcome { OUTCOME_OK = 0, OUTCOME_FAILED = 1, OUTCOME_INITIALIZER_FAILED = 2 };

struct envelope {
  uint8_t code; /* task: enum task_mode; result: enum task_outcome */
  uint8_t reserved[7];
  uint64_t task;           /* the parent's name for it */
  uint64_t function;       /* task: the function's number, never used twice in a pool */
  block_ref function_code; /* task: cargo with the encoded function: size (u64), message */
};
_Static_assert(sizeof(struct envelope) == 32, "layout");

void pool_core_open(lua_State *L);
/* pool_core_new() → core. [-0, +1, raises] */
int pool_core_new(lua_State *L);
void pool_core_rings(lua_State *L, int index, object_ref *tasks, object_ref *results);

#endif
