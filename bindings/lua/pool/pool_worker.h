/* SPDX-License-Identifier: MIT */
/* The loop of a pool worker with a VM of its own. */
#ifndef BINDINGS_POOL_POOL_WORKER_H
#define BINDINGS_POOL_POOL_WORKER_H

#include "process/worker_status.h"
#include "sync/lock_rank.h"
#include "worker/start_info.h"

/* The `count` values on the stack are the initializer (or nil), its arguments, and the finalizer (or nil). Runs tasks
 * until the pool is closed, or the settings' maxtasksperchild is reached, and then the finalizer. [-count, +0, raises] */
void pool_worker_loop(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                      int count) REQUIRES(rank_vm);

#endif
