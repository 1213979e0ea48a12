/* SPDX-License-Identifier: MIT */
#include "core/lazy_methods.h"

#include "state/library.h"
#include "state/originals.h"

static bool is_required(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, VM_LIBRARY_KEY);
  const bool is = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is;
}

/* __index(methods, key) */
static int find_method(lua_State *L) {
  lua_settop(L, 2);
  if (is_required(L)) return 0;
  originals_push(L, "_G", "require"); /* the program may have removed its own */
  if (lua_isnil(L, -1)) lua_getglobal(L, "require");
  if (lua_isnil(L, -1)) return 0; /* a VM without libraries */
  lua_pushliteral(L, "manymoons");
  lua_call(L, 1, 0);
  lua_rawget(L, 1);
  return 1;
}

void lazy_methods_complete(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, find_method);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}
