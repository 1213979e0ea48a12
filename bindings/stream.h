/* SPDX-License-Identifier: MIT */
/* What bindings/lua/net/listener.lua makes Listener and Client of: sockets, and the primitives of their handshake. */
#ifndef BINDINGS_STREAM_H
#define BINDINGS_STREAM_H

#include "arguments.h"

/* stream_listen(address) → a stream, and its address; or nil and why */
int stream_listen_call(lua_State *L);
/* stream_connect(address, timeout) → a stream; or nil and why */
int stream_connect_call(lua_State *L);
int stream_forget_call(lua_State *L);
/* hmac_sha256(key, data) → 32 bytes; sha256(data) → 32 bytes; random_bytes(n); is_same(a,
 * b) in constant time */
int crypto_hmac_call(lua_State *L);
int crypto_sign_call(lua_State *L); /* sign(key, part, …) → 32 bytes */
int crypto_sha256_call(lua_State *L);
int crypto_random_call(lua_State *L);
int crypto_is_same_call(lua_State *L);

/* stream_methods() → the table of a stream's methods */
int stream_methods_call(lua_State *L);

#endif
