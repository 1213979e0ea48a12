/* SPDX-License-Identifier: MIT */
/* The names in the code of a Lua function: all strings in it, and in the functions inside it, that could be
 * the name of a global, a field or a module.
 *
 * They are read from the compiled code, once for each piece of code. Which of them the function uses as
 * the name of a global is not looked at: `x`, `_G.x`, `_ENV["x"]` and `t.x` all have the string "x".
 * Names of local variables are none of them, but in PUC 5.1, where code always has them. The caches are
 * in the registry, protected by the VM lock.
 */
#ifndef STATE_FUNCTION_NAMES_H
#define STATE_FUNCTION_NAMES_H

#include "state/lua_compat.h"

/* The longest name that is found. */
enum { FUNCTION_NAME_MAX = 100 };

/* Pushes the list of the names in the Lua function at `index`, which no caller changes.
 * [-0, +1, memory] */
void function_names_push(lua_State *L, int index);

#endif
