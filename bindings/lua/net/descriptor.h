/* SPDX-License-Identifier: MIT */
/* mm.Descriptor: an open file of the operating system (a file, a pipe, a socket), which travels to other workers. */
#ifndef BINDINGS_NET_DESCRIPTOR_H
#define BINDINGS_NET_DESCRIPTOR_H

#include "state/lua_compat.h"

/* Lets this VM decode them. [-0, +0, raises] */
void descriptor_open(lua_State *L);
/* Descriptor(fd) → a handle with a copy of the descriptor; or nil and why. [-0, +1 or 2, raises] */
int descriptor_new(lua_State *L);

#endif
