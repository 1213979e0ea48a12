/* SPDX-License-Identifier: MIT */
/* The functions of mm.trace: a script starts and ends a recording (trace/recorder.h). */
#ifndef BINDINGS_CLI_TRACING_H
#define BINDINGS_CLI_TRACING_H

#include <stdbool.h>

#include "state/lua_compat.h"

/* path (nil: in memory), program, limit or nil → true, or nil and why */
int trace_start(lua_State *L);
int trace_stop(lua_State *L); /* → true; the text of a recording in memory; or nil and why */
int trace_task(lua_State *L); /* number of the task that the calling thread begins; nil: it has ended one */

/* For what a subcommand writes when the script has ended: the program's exit status says that it failed. */
int trace_note_failure(lua_State *L);
bool trace_has_failed(lua_State *L); /* [-0, +0, does not raise] */

#endif
