/* SPDX-License-Identifier: MIT */
/* Results of the functions of Lua's libraries io and os, in their form. */
#ifndef BINDINGS_IO_RESULT_H
#define BINDINGS_IO_RESULT_H

#include "base/status.h"
#include "state/lua_compat.h"

/* 0: true. Else nil, the text of the error number (behind "name: " if there is a name), the number.
 * [-0, +1|3, memory] */
int result_push(lua_State *L, int error, const char *name);
/* How a command ended: `report` as of waitpid, if `st` is 0. As from Lua 5.2 on: true or nil, "exit" or "signal", the
 * number. [-0, +3, memory] */
int result_push_end(lua_State *L, status st, int report);
/* The same as the result of `close`; before 5.2 it tells nothing more than a file's. [-0, +1|3, memory] */
int result_push_close(lua_State *L, bool tells_ends, status st, int report);

#endif
