/* SPDX-License-Identifier: MIT */
/* A descriptor that is readable while any descriptor of a set is. mm.wait can wait for it in place
 * of connections that come and go.
 */
#ifndef BINDINGS_ASYNC_POLLER_H
#define BINDINGS_ASYNC_POLLER_H

#include "state/lua_compat.h"

/* poller_new() → a Poller; or nil and why. [-0, +1 or 2, raises] */
int poller_new(lua_State *L);

#endif
