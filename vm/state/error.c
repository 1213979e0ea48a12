/* SPDX-License-Identifier: MIT */
#include "state/error.h"

#include <string.h>

static const char memory_text[] = "not enough memory";

/* (value) → its text by its metamethod, or something else */
static int call_tostring(lua_State *L) {
  if (!luaL_callmeta(L, 1, "__tostring")) lua_pushnil(L);
  return 1;
}

bool error_push_text(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (lua_isstring(L, index)) {
    lua_pushvalue(L, index);
    lua_tostring(L, -1); /* of a number */
    return true;
  }
  lua_pushcfunction(L, call_tostring);
  lua_pushvalue(L, index);
  const int failed = lua_pcall(L, 1, 1, 0);
  if (!failed && lua_type(L, -1) == LUA_TSTRING) return true;
  lua_pop(L, 1);
  lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, index));
  return false;
}

const char *error_text(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  return text ? text : "(error object is not a string)";
}

int error_raise_memory(lua_State *L) {
  luaL_error(L, "%s", memory_text);
  __builtin_unreachable();
}

bool error_is_of_memory(lua_State *L, int code) {
  const char *text = lua_tostring(L, -1);
  return code == LUA_ERRMEM || (text && strcmp(text, memory_text) == 0);
}
