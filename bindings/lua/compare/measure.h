/* SPDX-License-Identifier: MIT */
/* Runs and measures a program, for `manymoons compare`. */
#ifndef BINDINGS_COMPARE_MEASURE_H
#define BINDINGS_COMPARE_MEASURE_H

#include "state/lua_compat.h"

/* measure_run{ program = path, argv = {…}, env = { NAME = "value" }, timeout = seconds }
 *   → { wall = s, cpu = s, peak = bytes, output = text, exitcode = n or -signal,
 *       processors = n, others = s, stolen = s, throttled = s, faults = n, major_faults = n, switches = n, forced_switches = n,
 *       lost = s, threads = { { pid =, tid =, ran = s, ready = s }, … } }
 *   | nil, "timeout"
 *   | nil, "ENAME: text"
 *
 * `ready` is how long the thread had no processor although it wanted one, `lost` how much of that stood in the
 * way of the run (os/run_threads.h); both are nil on systems that do not count it. takes_turns = true: the
 * threads of a process share one VM. pin = true: each thread but the first stays on one processor.
 *
 * With notes = {"NAME", …}, two at most, each of these environment variables of the program is the
 * path of a file that it may write, and the report has notes = { NAME = content }. `program` is
 * argv[1] by default. No process or file of the run is left when this returns or raises.
 * [-0, +1 or 2, raises] */
int measure_run(lua_State *L);

#endif
