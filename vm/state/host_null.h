/* SPDX-License-Identifier: MIT */
/* The value that a host's libraries use for null: Neovim's `vim.NIL`. It is sent as the light userdata NULL, which
 * is null everywhere else, and comes back as itself. */
#ifndef STATE_HOST_NULL_H
#define STATE_HOST_NULL_H

#include "state/lua_compat.h"

/* Looks for the host's null, when the library is loaded. [-0, +0, memory] */
void host_null_keep(lua_State *L);
/* Whether the value at `index` is the host's null. [-0, +0] */
bool host_null_is(lua_State *L, int index);
/* Pushes the host's null, or the light userdata NULL. [-0, +1] */
void host_null_push(lua_State *L);

#endif
