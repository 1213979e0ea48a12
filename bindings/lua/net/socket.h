/* SPDX-License-Identifier: MIT */
/* What net/listener.lua makes Listener and Client of: sockets. */
#ifndef BINDINGS_NET_SOCKET_H
#define BINDINGS_NET_SOCKET_H

#include "core/arguments.h"

/* stream_listen(address) → a stream, and its address; or nil and why */
int stream_listen_call(lua_State *L);
/* stream_connect(address, timeout) → a stream; or nil and why */
int stream_connect_call(lua_State *L);
int stream_forget_call(lua_State *L);

/* stream_methods() → the table of a stream's methods */
int stream_methods_call(lua_State *L);

#endif
