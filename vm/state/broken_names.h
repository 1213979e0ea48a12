/* SPDX-License-Identifier: MIT */
/* Globals that cannot be decoded (state/globals.h) raise in a VM where the script has a metatable of _G of its own. */
#ifndef STATE_BROKEN_NAMES_H
#define STATE_BROKEN_NAMES_H

#include "state/lua_compat.h"

/* Lets the names of the table on top of the stack, name -> text, raise before the `__index` of the metatable at
 * `metatable` is asked. Pops the table. [-1, +0, memory] */
void broken_names_guard(lua_State *L, int metatable);

#endif
