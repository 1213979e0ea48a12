/* SPDX-License-Identifier: MIT */
/* The entry of worker processes, however they are started (state/launch.h). */
#ifndef BINDINGS_WORKER_ENTRY_H
#define BINDINGS_WORKER_ENTRY_H

#include "base/annotations.h"
#include "state/launch.h"
#include "state/lua_compat.h"

/* Runs the worker process or the fork server that `text` describes. The host program calls it for
 * the options "--worker" and "--forkserver"; in other hosts the two functions below do. */
NO_RETURN void entry_run(enum launch_kind kind, const char *text);

/* For a host whose program is not manymoons: state/launch.c writes the call, with the text as its
 * argument. [does not return] */
MODULE_EXPORT int luaopen_manymoons_worker(lua_State *L);
/* The same for a fork server. */
MODULE_EXPORT int luaopen_manymoons_forkserver(lua_State *L);

#endif
