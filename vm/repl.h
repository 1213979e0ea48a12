/* SPDX-License-Identifier: MIT */
/* The interactive part of the host program, and what it shares with main.c. */
#ifndef REPL_H
#define REPL_H

#include "state/lua_compat.h"

void repl_print_version(void);
/* Reads, runs and prints until the end of input. */
void repl_run(lua_State *L);

/* In main.c. Calls what is on the stack with a traceback and Ctrl-C; as lua_pcall. [-(n+1), +results or
 * error] */
int main_call(lua_State *L, int arguments, int results);
/* Tells the error on top. [-1, +0] */
void main_report(lua_State *L);

#endif
