/* SPDX-License-Identifier: MIT */
/* Sockets for Lua: the streams under Listener and Client (net/listener.lua). */
#ifndef BINDINGS_NET_SOCKET_H
#define BINDINGS_NET_SOCKET_H

#include "core/arguments.h"

/* Lets this VM decode streams: they travel as all handles do. [-0, +0, memory] */
void stream_open(lua_State *L);
/* socket_listen(address) → a stream, and its address; or nil and why. [-0, +2, raises] */
int socket_listen_call(lua_State *L) REQUIRES(rank_vm);
/* socket_connect(address, timeout) → a stream; or nil and why. [-0, +1 or 2, raises] */
int socket_connect_call(lua_State *L) REQUIRES(rank_vm);

#endif
