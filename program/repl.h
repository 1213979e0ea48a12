/* SPDX-License-Identifier: MIT */
/* The interactive part of the host program: read, evaluate, print, until input ends.
 *
 * A line is an expression whose values are printed (a leading '=', as Lua 5.1 had it, is allowed), or
 * statements, continued on further lines while they are incomplete. Ctrl-C gives up the line or what it runs,
 * and nothing else.
 */
#ifndef PROGRAM_REPL_H
#define PROGRAM_REPL_H

#include "state/lua_compat.h"

/* [-n, +0, raises only what _PROMPT's __tostring raises] */
void repl_run(lua_State *L);

#endif
