/* SPDX-License-Identifier: MIT */
/* Which globals a task sees: the worker's side of state/globals_watch.h.
 *
 * Calls have rising numbers, and may be done in any order. A name that a call takes along has a version.
 * Before a task begins, the worker's global is made that of the version, unless it is already: what
 * tasks assign stays, until a global that they use has changed again at the caller; then all tables and
 * functions among the globals of the call come anew, because they may share objects. Of a name that the call does not take
 * along, because it changed after the call was made, the worker gets back the value that it had of its own.
 *
 * Called under the VM lock. The state is in the registry.
 */
#ifndef STATE_GLOBALS_APPLY_H
#define STATE_GLOBALS_APPLY_H

#include "state/lua_compat.h"

/* The fields of the globals of a call; `names`, `versions` and `firsts` are lists of the same length. */
enum call_globals {
  CALL_NAMES = 1,
  CALL_VERSIONS,
  CALL_FIRSTS,
  CALL_VALUES, /* name -> value */
  CALL_BROKEN, /* name -> why the value cannot be sent */
};

/* Forgets the calls of another pool, for whose worker this VM was a worker, too. [-0, +0, memory] */
void globals_apply_begin(lua_State *L);
/* Prepares the table of globals for the call with that number; `globals` is the index of the globals of the
 * call, or of nil. [-0, +0, memory] */
void globals_apply(lua_State *L, lua_Number number, int globals);
/* The same for globals that were just decoded, of the function or of the arguments of the call.
 * [-0, +0, memory] */
void globals_apply_more(lua_State *L, int globals);

#endif
