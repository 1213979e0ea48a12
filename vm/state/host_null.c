/* SPDX-License-Identifier: MIT */
#include "state/host_null.h"

static const char null_key; /* the host's null; nil: it has none */

void host_null_keep(lua_State *L) {
  const int top = lua_gettop(L);
  lua_pushglobaltable(L);
  lua_pushliteral(L, "vim");
  lua_rawget(L, -2);
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "NIL");
    lua_rawget(L, -2);
    if (lua_type(L, -1) == LUA_TUSERDATA) {
      lua_pushvalue(L, -1);
      lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
    }
  }
  lua_settop(L, top);
}

bool host_null_is(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key);
  const bool is_it = !lua_isnil(L, -1) && lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is_it;
}

void host_null_push(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_pushlightuserdata(L, NULL);
}
