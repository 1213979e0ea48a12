/* SPDX-License-Identifier: MIT */
/* Hashes, signatures and random bytes for Lua, used by the handshake of net/listener.lua and for
 * tasks that travel through a broker.
 *
 * os/crypto.h does the work; these functions have no state and take no lock. libcrypto is opened at
 * the first use; if it is missing, the error names the package. */
#ifndef BINDINGS_NET_CRYPTO_H
#define BINDINGS_NET_CRYPTO_H

#include "state/lua_compat.h"

/* hmac_sha256(key, data) → 32 bytes. [-0, +1, raises] */
int crypto_hmac_call(lua_State *L);
/* sign(key, part, …) → HMAC-SHA256 of the parts, each preceded by its length and a colon: 32 bytes.
 * [-0, +1, raises] */
int crypto_sign_call(lua_State *L);
/* sha256(data) → 32 bytes. [-0, +1, raises] */
int crypto_sha256_call(lua_State *L);
/* random_bytes(n) → n bytes, at most CRYPTO_RANDOM_MAX (os/crypto.h). [-0, +1, raises] */
int crypto_random_call(lua_State *L);
/* is_same(a, b) → whether both strings are equal, in a time that does not depend on their content.
 * [-0, +1, raises] */
int crypto_is_same_call(lua_State *L);

#endif
