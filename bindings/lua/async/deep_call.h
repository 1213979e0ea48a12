/* SPDX-License-Identifier: MIT */
/* Calls that nest without end: a Lua state allows some 200 C calls within each other, and a C stack has an end.
 * Every now and then such a call begins on a stack of its own. */
#ifndef BINDINGS_ASYNC_DEEP_CALL_H
#define BINDINGS_ASYNC_DEEP_CALL_H

#include "state/lua_compat.h"

/* deep_call(f, …): calls f(…), in a new coroutine on a new C stack, and returns when f does. Errors pass. f cannot
 * yield; a wait in it leaves its stack, as other waits that cannot yield do (async/fibers.lua). [-n, +0, raises] */
int deep_call(lua_State *L);

#endif
