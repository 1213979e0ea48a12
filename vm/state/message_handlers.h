/* SPDX-License-Identifier: MIT */
/* xpcall, whose message handlers do not run once the caller is to stop.
 *
 * A stop is raised by a hook (vm_interrupt.h), and Lua calls the message handler where the error is raised: inside the
 * hook, where no other hook runs. A handler that loops there could not be stopped. So a handler that is a Lua
 * function gets a guard, a Lua function that asks whether to stop, and then returns the error as it is, or calls the
 * handler by a tail call, so that the handler sees the levels of the stack that it expects.
 *
 * Not on LuaJIT: a C function in its place could not be left by a yield, and would not be compiled.
 */
#ifndef STATE_MESSAGE_HANDLERS_H
#define STATE_MESSAGE_HANDLERS_H

#include "state/lua_compat.h"

/* Replaces the global xpcall, unless the script has one of its own. [-0, +0, raises] */
void message_handlers_guard(lua_State *L);

/* For a message handler of this library, which runs in the function at `level` - 1: whether a standard function catches
 * the error itself, and gives it to the script as a value. Of these, `load` and its like alone call the handler of the
 * protected call around them: for an error in the function that reads a chunk, or in the parser. [-0, +0, memory] */
bool message_handlers_is_caught(lua_State *L, int level);

#endif
