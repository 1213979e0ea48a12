/* SPDX-License-Identifier: MIT */
/* The three things that a hosted VM wants of the bindings, which are above this layer:
 * bindings/module.c defines them. */
#ifndef HOST_BINDINGS_H
#define HOST_BINDINGS_H

#include <lua.h>

/* Handles can be decoded from now on: an Array has its methods in a VM that never required
 * anything. [-0, +0, raises] */
void host_open_handles(lua_State *L);
/* `require "manymoons"` finds it, in a VM that has `package`. [-0, +0, raises] */
void host_preload(lua_State *L);

/* Before the VM is closed: the workers that its scripts have started end. Does not raise. */
void host_end_workers(lua_State *L);

#endif
