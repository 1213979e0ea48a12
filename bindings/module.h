/* SPDX-License-Identifier: MIT */
/* The C functions that the Lua files of the library have, in one private table, and what
 * lua/api.lua makes of them. */
#ifndef BINDINGS_MODULE_H
#define BINDINGS_MODULE_H

#include "state/lua_compat.h"

/* The registry's key of the private table; nil before module_open. */
#define MODULE_PRIVATE_KEY "manymoons.private"

/* Makes the private table, runs lua/api.lua with it, and keeps the public table that this returns
 * under VM_LIBRARY_KEY. Once in a VM, with its handles open. [-0, +1, raises] */
int module_open(lua_State *L);

#endif
