/* SPDX-License-Identifier: MIT */
/* Whether a coroutine may yield where it is. Lua 5.1 cannot across pcall, metamethods and iterators, and does
 * not tell before it fails; LuaJIT and later Luas can, but not across other C functions, and tell. */
#ifndef STATE_YIELDABLE_H
#define STATE_YIELDABLE_H

#include "state/lua_compat.h"

/* To be asked first in each VM, when nothing else runs. [raises: memory] */
void yieldable_prepare(lua_State *L);
bool yieldable(lua_State *L);

#endif
