/* SPDX-License-Identifier: MIT */
/* The guard of a pool worker in a sandbox (process/guard.h): it does with the pool's rings and the
 * worker's status what pool/pool_worker.c does, and has the tasks run by the sandboxed worker. */
#ifndef BINDINGS_POOL_POOL_GUARD_H
#define BINDINGS_POOL_POOL_GUARD_H

#include "process/guard.h"
#include "worker/start_info.h"

/* Serves the sandboxed worker until its end. */
void pool_guard_serve(struct guard *g, const struct start_info *start_info);

#endif
