/* SPDX-License-Identifier: MIT */
/* Reads the state of another program that uses manymoons, without stopping it, for `manymoons
 * top`. */
#ifndef BINDINGS_CLI_INSPECT_H
#define BINDINGS_CLI_INSPECT_H

#include "state/lua_compat.h"

/* inspect(pid) → { processes = { pid … }, workers = { … }, rings = { … }, locks = { … }, waits = { … }, memory = bytes,
 * is_whole = whether all was looked at }; or nil and why. Names are as the program wrote them.
 * [-0, +1 or 2, raises] */
int inspect(lua_State *L);
/* thread_time(pid, thread) → seconds that it ran; nothing: it has ended. [-0, +0 or +1, raises] */
int inspect_thread_time(lua_State *L);
/* programs() → { [pid] = the first process of its program }, for each process of this user that uses manymoons.
 * [-0, +1, memory] */
int inspect_programs(lua_State *L);

#endif
