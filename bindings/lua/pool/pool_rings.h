/* SPDX-License-Identifier: MIT */
/* The part of a pool that is not policy: two rings, and what goes through them.
 *
 *     parent ── tasks ──► any worker ── results ──► parent
 *
 * Workers take tasks by themselves, so they stay busy while the parent computes. The parent knows
 * the holder of each task all the same: a worker's claim (process/worker_status.h) is the number of the task
 * that it has, exact at whatever instant it dies, because the take that commits and the claim are
 * one (shared/ring.h). Both rings survive the death of any process that uses them; no lock is held
 * while a task runs. See docs/decisions/0002-pool-rings.md.
 *
 * In front of each wire message stands an envelope, so that a task whose arguments, or a result
 * whose values cannot be decoded still says which task it is. */
#ifndef BINDINGS_POOL_POOL_RINGS_H
#define BINDINGS_POOL_POOL_RINGS_H

#include "channel/message_refs.h"
#include "core/arguments.h"
#include "pool/protocol.h"

/* A task's arguments follow in the message, or are stored in a block of the parent's, from which it
 * can be run again. Both kinds of block are attachments (shared/attachments.h) with a text: size (u64),
 * message. */
struct task_envelope {
  uint8_t mode;  /* enum task_mode */
  uint8_t flags; /* enum task_flag */
  uint8_t reserved[2];
  uint32_t skip;     /* of a list, the first items that have run already */
  uint64_t task;     /* the parent's name for it; not 0 */
  uint64_t function; /* its number, never used twice in a pool */
  block_ref function_code;
  block_ref arguments;  /* 0: they follow */
  block_ref call_state; /* 0: it cannot be cancelled before it begins */
};
_Static_assert(sizeof(struct task_envelope) == 48, "fits in front of a parcel");

/* Its values: those of a call, or the results and the failures (nil: none) of a list's items. */
struct answer_envelope {
  uint8_t outcome; /* enum task_outcome */
  uint8_t reserved[3];
  uint32_t count; /* of a list: how many items, … */
  uint64_t task;  /* 0: the worker itself, when its initializer has run */
  uint64_t first; /* … from which on, … */
  uint64_t ns;    /* … and how long they took */
};

/* A call state: the worker moves it from QUEUED to BEGUN before it begins, the parent to CANCELLED;
 * the first move counts. */
typedef _Atomic uint32_t call_state;
enum { CALL_QUEUED = 0, CALL_BEGUN = 1, CALL_CANCELLED = 2 };

/* Its class. [-0, +0, raises] */
void pool_rings_open(lua_State *L);
/* pool_rings_new() → rings. [-0, +1, raises] */
int pool_rings_new(lua_State *L);
/* worker_start(method, settings, rings or nil, function or nil, arguments…) → worker; or nil and
 * why. With rings the worker is one of their pool. The caller keeps them until then. [-1, +1 or +2,
 * raises] */
int pool_rings_start_worker(lua_State *L) REQUIRES(rank_vm);

#endif
