/* SPDX-License-Identifier: MIT */
/* The entry of the registry is nil, true once the host has offered to ask, or the function that it asks. */
#include "async/exit_seam.h"

#include "state/originals.h"

static const char seam_key = 'e'; /* its address is the key; never written */

void exit_seam_offer(lua_State *L) {
  lua_pushboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &seam_key);
}

bool exit_seam_push(lua_State *L) {
  luaL_checkstack(L, lua_gettop(L) + 1, "no room to call a function");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &seam_key);
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

int exit_seam_take(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &seam_key);
  if (!lua_toboolean(L, -1)) return 0;
  lua_pushvalue(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &seam_key);
  originals_push(L, LUA_OSLIBNAME, "exit");
  return 1;
}
