/* SPDX-License-Identifier: MIT */
/* Weak tables: new ones, and those that the registry keeps for a VM. */
#ifndef STATE_WEAK_TABLE_H
#define STATE_WEAK_TABLE_H

#include "state/lua_compat.h"

/* Pushes a new table with room for so many keys, whose references are weak by `mode`: "k", "v" or "kv".
 * [-0, +1, memory] */
static inline void weak_table_push(lua_State *L, const char *mode, int keys) {
  lua_createtable(L, 0, keys);
  lua_createtable(L, 0, 1);
  lua_pushstring(L, mode);
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* Pushes the one that the registry has under the address `key`; the first call makes it. [-0, +1, memory] */
static inline void weak_table_push_kept(lua_State *L, const char *key, const char *mode, int keys) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  weak_table_push(L, mode, keys);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

#endif
