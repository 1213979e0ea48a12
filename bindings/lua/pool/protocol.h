/* SPDX-License-Identifier: MIT */
/* The numbers that a pool and its workers have in common, for workers in C (pool_worker.c) and
 * in Lua (pool/local/vm_runner.lua). Rows x(NAME, VALUE) make the enums below and the constants of
 * pool/protocol.lua. Modes also travel to other machines (broker/codec.lua), so they never
 * change. */
#ifndef BINDINGS_POOL_PROTOCOL_H
#define BINDINGS_POOL_PROTOCOL_H

#include "state/lua_compat.h"

/* What a task is:
 *   CALL     one call
 *   MAP      a list: each item is the one argument of a call
 *   STARMAP  a list: each item is the list of a call's arguments
 *   SERVE    no task: a worker that sleeps is to look (pool_rings.h). Its one value, if it has one, is a function that
 *            runs what tasks have given to their own pool (pool_worker.h). It has no answer */
#define POOL_MODES(x) x(CALL, 0) x(MAP, 1) x(STARMAP, 2) x(SERVE, 3)

/* How a task's list of items is done:
 *   TIMED    each item may be stopped on its own, so the worker status says when it began, and is answered at once
 *   RETURNS  where the items take long, the rest of the list is given back
 *   EACH     as if each item were a task of its own: no result is lost, and items that have not
 *            begun can be taken back (pool_rings.c, limit) */
#define POOL_FLAGS(x) x(TIMED, 1) x(RETURNS, 2) x(EACH, 4)

/* What an answer says:
 *   OK                  the call's results, or those of a list's last items
 *   FAILED              the call, or the whole list, failed
 *   INITIALIZER_FAILED  the worker cannot begin
 *   PART                results of some of a list's items; more will come
 *   RETURNED            the same; no more will come, the other items did not run
 *   SKIPPED             the task was cancelled before it began
 *   UNDECODABLE         never sent: the receiver could not decode the answer's values */
#define POOL_OUTCOMES(x) \
  x(OK, 0) x(FAILED, 1) x(INITIALIZER_FAILED, 2) x(PART, 3) x(RETURNED, 4) x(SKIPPED, 5) x(UNDECODABLE, 6)

/* The pace of a worker in a list:
 *   FLUSH_NS    results are sent after this time
 *   RETURN_NS   a list that RETURNS is given back after this time
 *   STRIDE_MAX  the most items between two readings of the clock */
#define POOL_PACE(x) x(FLUSH_NS, 2000000) x(RETURN_NS, 20000000) x(STRIDE_MAX, 256)

#define POOL_TASK_ROW(name, value)    TASK_##name = value,
#define POOL_OUTCOME_ROW(name, value) OUTCOME_##name = value,
#define POOL_PACE_ROW(name, value)    POOL_##name = value,
enum task_mode { POOL_MODES(POOL_TASK_ROW) };
enum task_flag { POOL_FLAGS(POOL_TASK_ROW) };
enum task_outcome { POOL_OUTCOMES(POOL_OUTCOME_ROW) };
enum pool_pace { POOL_PACE(POOL_PACE_ROW) };
#undef POOL_TASK_ROW
#undef POOL_OUTCOME_ROW
#undef POOL_PACE_ROW

/* pool_protocol() → a table of all of them, by the names in the rows. [-0, +1, raises] */
int pool_protocol(lua_State *L);

#endif
