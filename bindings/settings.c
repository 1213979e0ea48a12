/* SPDX-License-Identifier: MIT */
#include "settings.h"

static const char key[] = "manymoons.settings";

void settings_keep(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

void settings_push(lua_State *L) { lua_getfield(L, LUA_REGISTRYINDEX, key); }

void settings_push_name(lua_State *L) {
  settings_push(L);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, "name");
  lua_remove(L, -2);
}
