/* SPDX-License-Identifier: MIT */
/* Where a worker process begins, however it was started (state/launch.h). */
#ifndef BINDINGS_WORKER_ENTRY_H
#define BINDINGS_WORKER_ENTRY_H

#include "base/annotations.h"
#include "state/launch.h"
#include "state/lua_compat.h"

/* main calls it for argv[1] "--worker" and "--forkserver"; in other hosts luaopen_manymoons_worker
 * and _forkserver do. */
NO_RETURN void entry_run(enum launch_kind kind, const char *order);

/* The entry of a worker process in a host whose program is not ours; called with the order as its
 * argument (state/launch.c writes the call). Does not return. */
MODULE_EXPORT int luaopen_manymoons_worker(lua_State *L);
MODULE_EXPORT int luaopen_manymoons_forkserver(lua_State *L);

#endif
