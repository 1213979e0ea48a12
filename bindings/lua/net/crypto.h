/* SPDX-License-Identifier: MIT */
/* Hashes, signatures and random bytes for Lua: the handshake of net/listener.lua signs with them,
 * and so do tasks that travel through a broker.
 *
 * The functions of os/crypto.h do the work; here are only their arguments and results. They keep no
 * state and take no lock. libcrypto is opened when it is first needed; where it is missing, the
 * error names the package. */
#ifndef BINDINGS_NET_CRYPTO_H
#define BINDINGS_NET_CRYPTO_H

#include "state/lua_compat.h"

/* hmac_sha256(key, data) → 32 bytes. [-0, +1, raises] */
int crypto_hmac_call(lua_State *L);
/* sign(key, part, …) → HMAC-SHA256 of the parts, each behind its length and a colon: 32 bytes.
 * [-0, +1, raises] */
int crypto_sign_call(lua_State *L);
/* sha256(data) → 32 bytes. [-0, +1, raises] */
int crypto_sha256_call(lua_State *L);
/* random_bytes(n) → n bytes; n is CRYPTO_RANDOM_MAX (os/crypto.h) at the most. [-0, +1, raises] */
int crypto_random_call(lua_State *L);
/* is_same(a, b) → whether both strings are equal, in a time that does not depend on their bytes.
 * [-0, +1, raises] */
int crypto_is_same_call(lua_State *L);

#endif
