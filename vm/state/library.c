/* SPDX-License-Identifier: MIT */
#include "state/library.h"

#include "state/originals.h"

bool library_is_required(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, VM_LIBRARY_KEY);
  const bool is_required = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_required;
}

bool library_require(lua_State *L) {
  if (library_is_required(L)) return true;
  originals_push(L, "_G", "require"); /* the program may have removed its own */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getglobal(L, "require");
  }
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushliteral(L, VM_LIBRARY_KEY);
  lua_call(L, 1, 0);
  return true;
}
