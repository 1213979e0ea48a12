/* SPDX-License-Identifier: MIT */
/* Leases on what was taken from an engine (redis/lease.h), as a handle of Lua. */
#ifndef BINDINGS_ENGINE_LEASE_H
#define BINDINGS_ENGINE_LEASE_H

#include "state/lua_compat.h"

/* lease_open(settings of a link, { script, key, key, me, ttl }, interval, text) → a Lease; or nil and why */
int engine_lease_open(lua_State *L);

#endif
