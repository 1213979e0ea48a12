/* SPDX-License-Identifier: MIT */
/* The loop of a pool worker with a VM of its own; and what ties the loop to the calls that the worker's tasks give to
 * their own pool (pool_forks.c), of which pool/forks/apart.lua has the policy. */
#ifndef BINDINGS_POOL_POOL_WORKER_H
#define BINDINGS_POOL_POOL_WORKER_H

#include "process/worker_status.h"
#include "shared/ring.h"
#include "state/lua_compat.h"
#include "sync/lock_rank.h"
#include "worker/start_info.h"

/* The `count` values on the stack are the initializer (or nil), its arguments, the finalizer (or nil), and what the
 * worker has to know of its pool (pool_forks_begin), or nil. Runs tasks until the pool is closed, or the settings'
 * maxtasksperchild is reached, and then the finalizer. [-count, +0, raises] */
void pool_worker_loop(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                      int count) REQUIRES(rank_vm);

/* pool_place() → in a pool with a seed, the place of the item that the worker runs (state/random_stream.h); the place is
 * that of the last one between two tasks. [-0, +1, raises] */
int pool_worker_place_call(lua_State *L);
/* pool_globals() → the number of the function that the worker runs, and the globals that go with it, or nil.
 * [-0, +2, raises] */
int pool_worker_globals_call(lua_State *L);

/* ---- what tasks give to their own pool (pool_forks.c) ---------------------------------------- */

/* The value at `index` is what the worker has to know of its pool: a table of the pool/rings_backend.lua; nil: its tasks
 * cannot give it work. `tasks` is the pool's ring, which the worker holds. [-0, +0, memory] */
void pool_forks_begin(lua_State *L, int index, struct ring *tasks);
/* Has the worker run what its tasks have given to the pool. Whether it did anything: no error of a call leaves it. The stop of
 * the VM does. [-0, +0, raises] */
bool pool_forks_serve(lua_State *L) REQUIRES(rank_vm);

/* pool_forks() → the table of pool_forks_begin; nil: the VM is no such worker. [-0, +1, memory] */
int pool_forks_call(lua_State *L);
/* pool_forks_serve_by(f): pool_forks_serve calls f() from now on, which returns whether it did anything.
 * [-0, +0, memory] */
int pool_forks_serve_by_call(lua_State *L);
/* pool_forks_wake(f): if no worker has a task to take, one that sleeps calls f, a public function.
 * [-0, +0, raises] */
int pool_forks_wake_call(lua_State *L) REQUIRES(rank_vm);
/* copies(values…) → copies, as another VM would get them. [-n, +n, raises] */
int pool_forks_copies_call(lua_State *L);
/* apply_globals(number, globals or nil): the globals of a call with that number (state/globals_apply.h).
 * [-0, +0, memory] */
int pool_forks_apply_globals_call(lua_State *L);

#endif
