/* SPDX-License-Identifier: MIT */
/* The native table, and the public table that api.lua makes with it. */
#ifndef BINDINGS_MODULE_H
#define BINDINGS_MODULE_H

#include "state/lua_compat.h"

/* Key in the registry of the first function given to native.on_end; nil before module_open. */
#define MODULE_SHUTDOWN_KEY "manymoons.shutdown"

/* Makes the native table, runs api.lua, keeps the public table under VM_LIBRARY_KEY and pushes it.
 * Called once in a VM, after open_handles. [-0, +1, raises] */
int module_open(lua_State *L);

#endif
