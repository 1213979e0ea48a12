/* SPDX-License-Identifier: MIT */
/* Whether the running coroutine may yield. LuaJIT and Lua from 5.2 on report it. PUC 5.1 cannot
 * yield across pcall, metamethods and iterators, and reports that only by an error. */
#ifndef STATE_YIELDABLE_H
#define STATE_YIELDABLE_H

#include "state/lua_compat.h"

/* Call it once in each VM, before scripts run. [-0, +0, memory] */
void yieldable_prepare(lua_State *L);
/* Whether lua_yield would work in L now. False where it cannot be known. */
bool yieldable(lua_State *L);

#endif
