/* SPDX-License-Identifier: MIT */
#include "state/encode_sets.h"

static const char keys[ENCODE_SETS]; /* their addresses are the keys */
static const char renewing_key;

void encode_set_keep(lua_State *L, enum encode_set set) { lua_rawsetp(L, LUA_REGISTRYINDEX, &keys[set]); }

/* Whether the table on top of the stack has something under the key below it. Pops both. [-2, +0] */
static bool has_key(lua_State *L) {
  bool has = false;
  if (lua_istable(L, -1)) {
    lua_insert(L, -2);
    lua_rawget(L, -2);
    has = lua_toboolean(L, -1);
  }
  lua_pop(L, 2);
  return has;
}

bool encode_set_has(lua_State *L, enum encode_set set, int name) {
  const char *path = lua_tostring(L, name);
  lua_pushlstring(L, path, strcspn(path, "."));
  lua_rawgetp(L, LUA_REGISTRYINDEX, &keys[set]);
  return has_key(L);
}

bool encode_set_has_module(lua_State *L, enum encode_set set, int name) {
  lua_pushvalue(L, name);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &keys[set]);
  return has_key(L);
}

bool encode_set_add_module(lua_State *L, enum encode_set set, int name) {
  name = lua_absindex(L, name);
  if (encode_set_has_module(L, set, name)) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &keys[set]);
  lua_pushvalue(L, name);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return true;
}

void encode_set_renewed(lua_State *L) {
  encode_set_keep(L, ENCODE_RENEWED);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &renewing_key);
}

bool encode_is_renewing(lua_State *L, int index) {
  if (!lua_istable(L, index)) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &renewing_key);
  const bool is_it = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is_it;
}
