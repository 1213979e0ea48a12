/* SPDX-License-Identifier: MIT */
/* The module as C sees it. */
#ifndef BINDINGS_MODULE_H
#define BINDINGS_MODULE_H

#include "state/lua_compat.h"

#define MODULE_EXPORT __attribute__((visibility("default")))

/* require "manymoons". [-0, +1, raises] */
MODULE_EXPORT int luaopen_manymoons(lua_State *L);
/* The entry of a worker process in a host whose program is not ours; called with the order as its argument
 * (state/launch.c writes the call). Does not return. */
MODULE_EXPORT int luaopen_manymoons_worker(lua_State *L);
MODULE_EXPORT int luaopen_manymoons_forkserver(lua_State *L);

/* Makes require find the module, and its worlds as modules, without a file. [-0, +0, raises] */
void module_preload(lua_State *L);

enum shutdown {
  SHUTDOWN_JOIN,      /* wait for the children that are not daemons, stop the others */
  SHUTDOWN_TERMINATE, /* stop all */
};
/* Ends this VM's children. Before the VM is closed. Does not raise. */
void module_shutdown(lua_State *L, enum shutdown how);

/* Registers the types of handles, so that messages can be decoded before the module is
 * required. [-0, +0, raises] */
void module_open_handles(lua_State *L);
/* The table of methods on top gets those that are written in Lua when one is first asked for: a worker that
 * got a handle has not required the module. [-0, +0, memory] */
void module_complete_methods(lua_State *L);
/* In a forked child: the parent's children are not ours. [-0, +0, raises] */
void module_after_fork(lua_State *L);

#endif
