/* SPDX-License-Identifier: MIT */
/* Methods that are written in Lua, of a class whose handles reach VMs that have not required the
 * library.
 *
 * A worker that receives a lock has its class, with the methods that are written in C. The first
 * call of another method requires the library, whose Lua files put theirs into the same table; from
 * then on the table is complete, and nothing is looked for any more. State: the table's own
 * metatable, under the VM's lock. */
#ifndef BINDINGS_CORE_LAZY_METHODS_H
#define BINDINGS_CORE_LAZY_METHODS_H

#include "state/lua_compat.h"

/* The table of methods on top gets those that are written in Lua when one is first asked for.
 * [-0, +0, memory] */
void lazy_methods_complete(lua_State *L);

#endif
