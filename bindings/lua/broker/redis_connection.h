/* SPDX-License-Identifier: MIT */
/* A connection to a Redis server (redis/connection.h) as a handle of Lua. Commands are made in Lua
 * (bindings/lua/broker/redis/connection.lua).
 */
#ifndef BINDINGS_BROKER_REDIS_CONNECTION_H
#define BINDINGS_BROKER_REDIS_CONNECTION_H

#include "redis/connection.h"
#include "state/lua_compat.h"

/* redis_open(settings, timeout) → a RedisConnection; or nil and why. settings: the fields of struct
 * redis_settings. */
int redis_connection_open(lua_State *L);
/* Fills in *out from the table at `index`. [-0, +0, raises] */
void redis_read_settings(lua_State *L, int index, struct redis_settings *out);

#endif
