/* SPDX-License-Identifier: MIT */
#include "core/lazy_methods.h"

#include "state/library.h"

/* __index(methods, key) */
static int find_method(lua_State *L) {
  lua_settop(L, 2);
  if (library_is_required(L) || !library_require(L)) return 0;
  lua_rawget(L, 1);
  return 1;
}

void lazy_methods_complete(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, find_method);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}
