/* SPDX-License-Identifier: MIT */
/* The addresses of a host, for libraries whose own lookup would keep all else waiting. */
#ifndef BINDINGS_NET_LOOKUP_H
#define BINDINGS_NET_LOOKUP_H

#include "state/lua_compat.h"

/* look_up(host, timeout) → a list of its addresses, as numbers; or nil and why. [-0, +1 or 2, raises] */
int lookup_call(lua_State *L);

#endif
