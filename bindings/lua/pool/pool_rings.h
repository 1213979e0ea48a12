/* SPDX-License-Identifier: MIT */
/* The rings of a pool: for tasks, and one for results. Policy is in pool/dispatcher.lua.
 *
 *     parent ── urgent, tasks, later ──► any worker ── results ──► parent
 *
 * Those for tasks are in pool_sources.h.
 *
 * Workers take tasks themselves, so they stay busy while the parent computes. The parent still
 * knows which worker has which task: a worker's claim (process/worker_status.h) is the number of
 * its task, and is exact at any instant at which the worker dies, because one commit takes the task
 * and writes the claim (shared/ring.h). Both rings survive the death of any process that uses them;
 * no lock is held while a task runs. See docs/decisions/0002-pool-rings.md.
 *
 * An envelope precedes each wire message, so that the task is known even if the message cannot
 * be decoded. */
#ifndef BINDINGS_POOL_POOL_RINGS_H
#define BINDINGS_POOL_POOL_RINGS_H

#include "channel/message_refs.h"
#include "core/arguments.h"
#include "pool/pool_sources.h"
#include "pool/protocol.h"

/* The values of an answer are the results of a call, or a list of results and a list of failures
 * (nil: none) of items. */
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

/* pool_rings_new() → rings. [-0, +1, raises] */
int pool_rings_new(lua_State *L);
/* worker_start(method, settings, rings or nil, function or nil, arguments…) → worker; or nil and
 * why. With rings it is a worker of their pool; the caller keeps the rings until after the
 * worker's end. [-0, +1 or 2, raises] */
int pool_rings_start_worker(lua_State *L) REQUIRES(rank_vm);

#endif
