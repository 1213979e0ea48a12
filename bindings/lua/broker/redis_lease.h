/* SPDX-License-Identifier: MIT */
/* Leases on what was taken from a broker (redis/lease.h), as a handle of Lua. */
#ifndef BINDINGS_BROKER_REDIS_LEASE_H
#define BINDINGS_BROKER_REDIS_LEASE_H

#include "state/lua_compat.h"

/* redis_lease_open(settings of a connection, { script, key, key, name, ttl }, interval, text) → a
 * Lease; or nil and why */
int redis_lease_open(lua_State *L);

#endif
