/* SPDX-License-Identifier: MIT */
#include "net/crypto.h"

#include <errno.h>

#include "os/crypto.h"
#include "state/raise.h"

int crypto_hmac_call(lua_State *L) {
  size_t key_size = 0;
  size_t size = 0;
  const char *key = luaL_checklstring(L, 1, &key_size);
  const char *data = luaL_checklstring(L, 2, &size);
  uint8_t mac[CRYPTO_MAC_SIZE];
  const status st = crypto_hmac_sha256(key, key_size, data, size, mac);
  if (st == -ELIBACC) luaL_error(L, "authkey needs libcrypto (Debian: apt-get install libssl3)");
  if (st) return luaL_error(L, "HMAC failed");
  lua_pushlstring(L, (const char *)mac, sizeof mac);
  return 1;
}

int crypto_sign_call(lua_State *L) {
  size_t key_size = 0;
  const char *key = luaL_checklstring(L, 1, &key_size);
  luaL_Buffer parts;
  const int count = lua_gettop(L);
  luaL_buffinit(L, &parts);
  for (int i = 2; i <= count; i++) {
    char length[32];
    size_t size = 0;
    const char *part = luaL_checklstring(L, i, &size);
    char *at = length + sizeof length;
    *--at = ':';
    size_t left = size;
    do *--at = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    luaL_addlstring(&parts, at, (size_t)(length + sizeof length - at));
    luaL_addlstring(&parts, part, size);
  }
  luaL_pushresult(&parts);
  size_t size = 0;
  const char *data = lua_tolstring(L, -1, &size);
  uint8_t mac[CRYPTO_MAC_SIZE];
  if (crypto_hmac_sha256(key, key_size, data, size, mac))
    luaL_error(L, "signing needs libcrypto (Debian: apt-get install libssl3)");
  lua_pushlstring(L, (const char *)mac, sizeof mac);
  return 1;
}

int crypto_sha256_call(lua_State *L) {
  size_t size = 0;
  const char *data = luaL_checklstring(L, 1, &size);
  uint8_t digest[CRYPTO_MAC_SIZE];
  if (crypto_sha256(data, size, digest))
    luaL_error(L, "SHA-256 needs libcrypto (Debian: apt-get install libssl3)");
  lua_pushlstring(L, (const char *)digest, sizeof digest);
  return 1;
}

int crypto_random_call(lua_State *L) {
  uint8_t bytes[CRYPTO_RANDOM_MAX];
  const lua_Number size = luaL_checknumber(L, 1);
  if (crypto_random(bytes, (size_t)size)) return luaL_error(L, "no random bytes");
  lua_pushlstring(L, (const char *)bytes, (size_t)size);
  return 1;
}

int crypto_is_same_call(lua_State *L) {
  size_t a_size = 0;
  size_t b_size = 0;
  const char *a = luaL_checklstring(L, 1, &a_size);
  const char *b = luaL_checklstring(L, 2, &b_size);
  lua_pushboolean(L, a_size == b_size && crypto_is_same(a, b, a_size));
  return 1;
}
