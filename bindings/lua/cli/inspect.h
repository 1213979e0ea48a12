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

#endif
