/* SPDX-License-Identifier: MIT */
/* Tracebacks as users read them: the calls of the script, without those of this library.
 *
 * A stack without frames of the library is written by Lua. In another one each Lua frame of the library is left out, with
 * the C functions that it called; the first frame that runs a function for the script (state/caller.h) ends the
 * traceback, because what is below it is the library, and in a forked child the stack of its parent.
 *
 * MANYMOONS_DEBUG=1 in the environment shows everything.
 */
#ifndef STATE_TRACEBACK_H
#define STATE_TRACEBACK_H

#include "state/lua_compat.h"

/* luaL_traceback in this form: pushes the message, if it is not NULL, and behind it the stack of `of` from that level
 * on. [-0, +1, memory] */
void traceback_push(lua_State *L, lua_State *of, const char *message, int level);
/* Pushes where the code on the stack of `of` stopped, "stopped at chunk:12", with the stack. [-0, +1, memory] */
void traceback_push_place(lua_State *L, lua_State *of);
/* Writes the lines alone, each behind a line feed and a tab, as many as there is room for. Returns their size. The stack
 * has room for 4 values. [-0, +0, does not raise] */
size_t traceback_write(lua_State *of, int level, char *text, size_t size);
/* traceback([coroutine]) → the stack of the coroutine, or of the caller: "stack traceback:\n\t…". [-0, +1, memory] */
int traceback_call(lua_State *L);

#endif
