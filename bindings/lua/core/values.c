/* SPDX-License-Identifier: MIT */
/* A string given to `loads` may come from anywhere, so it is decoded as data, unless the caller
 * vouches for it. It never has handles, because a string can be kept, copied or lost and a hold
 * cannot. */
#include "core/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "state/caller.h"
#include "state/names.h"
#include "state/originals.h"
#include "state/raise.h"
#include "state/transfer.h"

int values_dumps(lua_State *L) {
  luaL_checkany(L, 1);
  const struct bytes *out = transfer_encode_dump(L, 1, 1, "value");
  lua_pushlstring(L, (const char *)out->data, out->len);
  return 1;
}

/* Raises for a key of the options at `index` that is not `name`, for a value that is no boolean, and for options that
 * are no table.
 * Whether options[name] is true. */
static bool read_option(lua_State *L, int index, const char *name) {
  if (lua_isnoneornil(L, index)) return false;
  luaL_checktype(L, index, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING || strcmp(lua_tostring(L, -1), name) != 0)
      luaL_argerror(L, index, lua_pushfstring(L, "'%s' is the one option", name));
  }
  lua_getfield(L, index, name);
  if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
    luaL_argerror(L, index, lua_pushfstring(L, "%s: a boolean expected, got %s", name, luaL_typename(L, -1)));
  const bool is_set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_set;
}

static int load(lua_State *L, int index, enum trust trust) {
  size_t size;
  const char *data = luaL_checklstring(L, index, &size);
  if (transfer_decode_dump(L, data, size, trust) == 1) return 1;
  lua_pushliteral(L, "malformed message");
  return lua_error(L);
}

/* bytes, trust → value */
static int load_protected(lua_State *L) { return load(L, 1, (enum trust)lua_tointeger(L, 2)); }

int values_loads(lua_State *L) {
  luaL_checkstring(L, 1);
  const enum trust trust = read_option(L, 2, "functions") ? TRUST_OWN_PROGRAM : TRUST_STRANGER;
  lua_settop(L, 1);
  lua_pushcfunction(L, load_protected);
  lua_insert(L, 1);
  lua_pushinteger(L, trust);
  if (lua_pcall(L, 2, 1, 0) == LUA_OK) return 1;
  caller_name_in(L);
  return lua_error(L);
}

int values_loads_from(lua_State *L) {
  static const char *const names[] = {"stranger", "peer", "own program", NULL};
  return load(L, 2, TRUST_STRANGER + (enum trust)luaL_checkoption(L, 1, NULL, names));
}

int values_register(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  size_t size;
  const char *name = lua_tolstring(L, 1, &size);
  luaL_argcheck(L, size > 0 && strlen(name) == size, 1,
                "a name of at least one byte, and without zero bytes, expected");
  luaL_checktype(L, 2, LUA_TTABLE);
  const bool is_untrusted = read_option(L, 3, "untrusted");
  lua_settop(L, 2);
  if (!names_claim(L, name, 2))
    return luaL_argerror(L, 1, lua_pushfstring(L, "another class is registered as '%s'", name));
  lua_pushvalue(L, 2);
  names_register(L, name, is_untrusted ? NAMES_FOR_STRANGERS : NAMES_FOR_PEERS);
  return 1;
}

int values_seal(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  names_seal(L);
  return 1;
}

int values_replace_original(lua_State *L) {
  const char *library = luaL_checkstring(L, 1), *key = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lua_settop(L, 4);
  lua_pushvalue(L, 3);
  lua_pushvalue(L, 4);
  if (originals_is_replaced(L, -1, library, key)) {
    names_cover(L);
  } else {
    lua_pop(L, 1);
    names_seal(L);
    lua_pushvalue(L, 3);
    originals_replace(L, library, key);
  }
  lua_settop(L, 3);
  return 1;
}

int values_hash(lua_State *L) {
  enum { DIGITS = 32 };
  static const struct siphash_key keys[] = {{{1, 2}}, {{3, 4}}};
  size_t size = 0;
  const char *text = luaL_checklstring(L, 1, &size);
  char digits[DIGITS + 1];
  snprintf(digits, sizeof digits, "%016" PRIx64 "%016" PRIx64, siphash(&keys[0], text, size),
           siphash(&keys[1], text, size));
  lua_pushlstring(L, digits, DIGITS);
  return 1;
}
