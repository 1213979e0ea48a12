/* SPDX-License-Identifier: MIT */
/* Which globals a call takes along: the sender's side.
 *
 * The workers of a pool have the globals that the program had when they started. A call takes along
 * what its functions use of the globals, as far as that has changed since: values that are other ones,
 * tables and functions whose contents changed, names that are new, and that were removed.
 *
 *   used      The names in the code of a function, of the functions that its upvalues hold, of the functions
 *             that the globals of those names hold, and so on (state/function_names.h); of the functions of
 *             modules that are met on the way; and the global names of classes.
 *   changed   The fingerprint of the global is another one (state/fingerprint.h). Of a global that
 *             reaches more than GLOBALS_ENTRIES entries, changes behind them may go unnoticed.
 *   fields    Of the modules that are met, of those whose names the code has, and of `string`, the fields with
 *             names in the code count as globals do (state/module_fields.h). They have changed if they are not as
 *             when the first worker started, or when the module was met first: what it was before, a worker has as
 *             well that loads it. Functions count by identity, and of tables 100 entries.
 *
 * A watch is a table:
 *   WATCH_PRINTS    name -> fingerprint, when it was last looked at
 *   WATCH_VERSIONS  name -> how often it was found changed; nil: never
 *   WATCH_FIRSTS    name -> the number of the first call after the first change
 *   WATCH_MODULES   set of the modules whose fields have fingerprints
 *   WATCH_CHANGES   how many changes there were, of all names
 *
 * I1  A name without a version has had one and the same value when each worker of the pool started.
 * I2  A name has a version once its value was another one when a worker started, or a call was made, than
 *     when the first worker started. From then on each call that uses it takes it along: a worker that
 *     replaces another, and its neighbours, agree.
 *
 * The *globals of a call* are a table, too (enum call_globals), which is sent before the values of the call,
 * in one message with them, so that they share what they share (state/globals_apply.h). All functions
 * are called under the VM lock.
 */
#ifndef STATE_GLOBALS_WATCH_H
#define STATE_GLOBALS_WATCH_H

#include "state/globals_apply.h"

enum { GLOBALS_ENTRIES = 1000 };

/* Pushes a new watch. [-0, +1, memory] */
void globals_watch_push(lua_State *L);
/* A worker starts, with the globals as they are now. `next` is the number of the next call.
 * [-0, +0, memory] */
void globals_watch_start(lua_State *L, int watch, lua_Number next);
/* Pushes the names of the globals that the `count` values from `first` on use, and notes which of them have
 * changed. `number` is that of the call. [-0, +1, memory] */
void globals_watch_push_uses(lua_State *L, int watch, int first, int count, lua_Number number);
/* Whether none of them has changed since they were pushed. [-0, +0, memory] */
bool globals_watch_is_current(lua_State *L, int watch, int uses);
/* Pushes the globals of a call that uses these names. False, and nothing pushed: there are none to take
 * along. [-0, +1|0, memory] */
bool globals_watch_push_call(lua_State *L, int watch, int uses);

/* (… value …, globals) Puts the globals of a call before the `count` values, to be encoded with them as one
 * message, which is to be marked (message_mark_globals). Raises if one of the values cannot be sent; a
 * global that cannot be sent is an error where it is used. [-0, +0, raises] */
void globals_watch_join(lua_State *L, int count, const char *what);

#endif
