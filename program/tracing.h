/* SPDX-License-Identifier: MIT */
/* Recordings (trace/recorder.h) and profiles that the environment requests.
 *
 * MANYMOONS_TRACE=FILE starts a recording; MANYMOONS_TRACE_LIMIT limits the number of events.
 * MANYMOONS_PROFILE=FILE starts a profile; MANYMOONS_PROFILE_RATE says how many samples it takes in a
 * second. The variables are removed from the environment, so that programs started by this one do not
 * overwrite its files. The subcommand `trace` makes a recording of its own
 * (bindings/lua/cli/trace.lua), and MANYMOONS_TRACE is then ignored.
 */
#ifndef PROGRAM_TRACING_H
#define PROGRAM_TRACING_H

#include <lua.h>

#include "options.h"

/* Starts the requested recording, if there is one. Call it before the main VM is opened. False: the
 * recording failed, and the reason was printed. */
bool tracing_begin(const struct options *o);
/* Starts the requested profile, if there is one, in the main VM. False: it failed, and the reason was
 * printed. */
bool tracing_begin_profile(lua_State *L);
bool tracing_is_on(void);
/* Ends the recording, also one that the script started. False: the file is not complete, and the
 * reason was printed. */
bool tracing_end(void);

#endif
