/* SPDX-License-Identifier: MIT */
/* Methods written in Lua, for classes whose handles reach VMs that have not required the library.
 *
 * A worker that receives a lock has the class with its C methods only. The first use of any
 * other method requires the library, and the library's Lua files add their methods to the same
 * table. After that a missing method is nil. The only state is the metatable of that table,
 * under the VM lock. */
#ifndef BINDINGS_CORE_LAZY_METHODS_H
#define BINDINGS_CORE_LAZY_METHODS_H

#include "state/lua_compat.h"

/* Makes the table of methods on top complete itself at the first use of a method that it lacks.
 * [-0, +0, memory] */
void lazy_methods_complete(lua_State *L);

#endif
