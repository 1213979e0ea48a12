/* SPDX-License-Identifier: MIT */
#include "state/module_fields.h"

#include <string.h>

#include "state/names.h"

bool field_name_is_one(lua_State *L, int name) {
  size_t size;
  const char *text = lua_tolstring(L, name, &size);
  return memchr(text, '\0', size) != NULL;
}

bool field_push_name(lua_State *L, int module, int key) {
  size_t size;
  if (lua_type(L, key) != LUA_TSTRING) return false;
  const char *text = lua_tolstring(L, key, &size);
  if (memchr(text, '\0', size)) return false;
  luaL_checkstack(L, 4, "no room to name a field");
  module = lua_absindex(L, module);
  key = lua_absindex(L, key);
  lua_pushvalue(L, module);
  lua_pushlstring(L, "\0", 1);
  lua_pushvalue(L, key);
  lua_concat(L, 3);
  return true;
}

/* Pushes the key of the field. */
static void push_key(lua_State *L, int name) {
  size_t size;
  const char *text = lua_tolstring(L, name, &size);
  const size_t module = strlen(text) + 1;
  lua_pushlstring(L, text + module, size - module);
}

void field_push_shown(lua_State *L, int name) {
  name = lua_absindex(L, name);
  luaL_checkstack(L, 4, "no room to name a field");
  lua_pushstring(L, lua_tostring(L, name));
  if (!field_name_is_one(L, name)) return;
  lua_pushliteral(L, ".");
  push_key(L, name);
  lua_concat(L, 3);
}

void field_push_value(lua_State *L, int name) {
  name = lua_absindex(L, name);
  luaL_checkstack(L, 4, "no room to look at a field");
  lua_pushloaded(L);
  lua_pushstring(L, lua_tostring(L, name)); /* of the module alone */
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_istable(L, -1)) {
    push_key(L, name);
    lua_rawget(L, -2);
  } else {
    lua_pushnil(L);
  }
  lua_remove(L, -2);
}

/* (name, value) */
static int put_protected(lua_State *L) {
  lua_pushstring(L, lua_tostring(L, 1));
  names_push_module(L);
  if (!lua_istable(L, -1)) return 0;
  push_key(L, 1);
  lua_pushvalue(L, 2);
  lua_rawset(L, -3);
  return 0;
}

void field_put(lua_State *L, int name) {
  name = lua_absindex(L, name);
  luaL_checkstack(L, 4, "no room to set a field");
  lua_pushcfunction(L, put_protected);
  lua_insert(L, -2);
  lua_pushvalue(L, name);
  lua_insert(L, -2);
  if (lua_pcall(L, 2, 0, 0)) lua_pop(L, 1);
}

/* Upvalue: text */
static int broken_field(lua_State *L) { return luaL_error(L, "%s", lua_tostring(L, lua_upvalueindex(1))); }

void field_break(lua_State *L, int name) {
  name = lua_absindex(L, name);
  lua_pushcclosure(L, broken_field, 1);
  field_put(L, name);
}
