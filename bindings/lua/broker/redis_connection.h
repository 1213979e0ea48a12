/* SPDX-License-Identifier: MIT */
/* A connection to an engine (redis/connection.h) as a handle of Lua. What is said over it is decided in Lua
 * (bindings/lua/broker/connection.lua).
 */
#ifndef BINDINGS_ENGINE_LINK_H
#define BINDINGS_ENGINE_LINK_H

#include "redis/connection.h"
#include "state/lua_compat.h"

/* link_open(settings, timeout) → a Link; or nil and why. settings: the fields of struct link_settings. */
int engine_link_open(lua_State *L);
/* Fills in *out from the table at `index`. [-0, +0, raises] */
void engine_read_settings(lua_State *L, int index, struct link_settings *out);

#endif
