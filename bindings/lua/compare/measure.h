/* SPDX-License-Identifier: MIT */
/* Measuring a program's run, for `manymoons compare`. */
#ifndef BINDINGS_COMPARE_MEASURE_H
#define BINDINGS_COMPARE_MEASURE_H

#include "state/lua_compat.h"

/* measure_run{ program = path, argv = {…}, env = { NAME = "value" }, timeout = seconds }
 *   → { wall = s, cpu = s, peak = bytes, output = text, exitcode = n or -signal }
 *   | nil, "timeout"
 *   | nil, "ENAME: text"
 *
 * With notes = {"NAME", …} (two at most) the program finds in each of these variables of
 * its environment a path to write to, and the report has notes = { NAME = what it wrote
 * there }. `program` is argv[1] unless given; nothing of the run is left when this returns
 * or raises. [raises] */
int measure_run(lua_State *L);

#endif
