/* SPDX-License-Identifier: MIT */
/* A look at another program that uses manymoons, from outside and without stopping it: `manymoons top`. */
#ifndef BINDINGS_CLI_INSPECT_H
#define BINDINGS_CLI_INSPECT_H

#include "state/lua_compat.h"

/* inspect(pid) → { processes = { pid … }, workers = { … }, rings = { … }, memory = bytes }; or nil and why.
 * [-0, +1 or 2, raises] */
int inspect(lua_State *L);

#endif
