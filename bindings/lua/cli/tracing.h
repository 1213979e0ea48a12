/* SPDX-License-Identifier: MIT */
/* The functions of mm.trace: a script starts and ends a recording (trace/recorder.h). */
#ifndef BINDINGS_CLI_TRACING_H
#define BINDINGS_CLI_TRACING_H

#include "state/lua_compat.h"

int trace_start(lua_State *L); /* path, program, limit or nil → true, or nil and why */
int trace_stop(lua_State *L);  /* → true, or nil and why */
int trace_task(lua_State *L);  /* number of the task that the calling thread begins; nil: it has ended one */

#endif
