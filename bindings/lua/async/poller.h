/* SPDX-License-Identifier: MIT */
/* One descriptor that is readable while any of some others is: what stands for connections that come and go
 * where mm.wait wants a descriptor.
 */
#ifndef BINDINGS_ASYNC_POLLER_H
#define BINDINGS_ASYNC_POLLER_H

#include "state/lua_compat.h"

/* poller_new() → a Poller; or nil and why */
int poller_new(lua_State *L);

#endif
