/* SPDX-License-Identifier: MIT */
/* Worker: the parent's handle on one worker, an interpreter or a process. What Process and Pool are made of
 * (bindings/lua/worker/process.lua, pool/pool.lua); scripts do not see it. */
#ifndef BINDINGS_WORKER_H
#define BINDINGS_WORKER_H

#include "arguments.h"
#include "task/cell.h"

void worker_open(lua_State *L);
/* worker_start(method, settings, core or nil, function or nil, arguments…) → worker method:
 * "interpreter", "fork", "spawn", "forkserver" or "thread". Of a pool when there is a core.
 * [-0, +1 or +2, raises] */
int worker_start(lua_State *L);

/* For the pool: the worker's cell, and the futex that changes when it dies. */
struct cell *worker_cell(lua_State *L, int index);
bool worker_watch(lua_State *L, int index, struct futex_watch *watch);

#endif
