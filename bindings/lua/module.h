/* SPDX-License-Identifier: MIT */
/* The table of the C functions that the Lua files of the library call, and the library that api.lua
 * makes of it. */
#ifndef BINDINGS_MODULE_H
#define BINDINGS_MODULE_H

#include "state/lua_compat.h"

/* The registry's keys of two functions that api.lua gives (native.on_end); nil before module_open. */
#define MODULE_SHUTDOWN_KEY   "manymoons.shutdown"
#define MODULE_AFTER_FORK_KEY "manymoons.after_fork"

/* Makes the native table, runs api.lua, and keeps the public table that it returns under
 * VM_LIBRARY_KEY. Once in a VM, with its handles open. [-0, +1, raises] */
int module_open(lua_State *L);

#endif
