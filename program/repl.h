/* SPDX-License-Identifier: MIT */
/* The interactive mode of the host program: read, evaluate, print, until input ends.
 *
 * A line is an expression, whose values are printed (a leading '=' is allowed, as in Lua 5.1), or
 * statements, which continue on further lines while they are incomplete. Ctrl-C drops the line or
 * stops the code that it runs, and the REPL continues.
 */
#ifndef PROGRAM_REPL_H
#define PROGRAM_REPL_H

#include "state/lua_compat.h"

/* [-n, +0, raises only what _PROMPT's __tostring raises] */
void repl_run(lua_State *L);

#endif
