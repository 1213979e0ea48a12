/* SPDX-License-Identifier: MIT */
/* A key that is an identifier is written as in a script, `.key`; any other one in brackets. */
#include "state/value_path.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SHOWN_MAX = 40 };

static bool is_identifier(const char *text, size_t size) {
  if (size == 0 || size > KEY_SHOWN_MAX || isdigit((unsigned char)text[0])) return false;
  for (size_t i = 0; i < size; i++)
    if (!isalnum((unsigned char)text[i]) && text[i] != '_') return false;
  return true;
}

static void add_quoted(luaL_Buffer *b, const char *text, size_t size) {
  const size_t shown = size > KEY_SHOWN_MAX ? KEY_SHOWN_MAX : size;
  luaL_addstring(b, "[\"");
  for (size_t i = 0; i < shown; i++) {
    const unsigned char c = (unsigned char)text[i];
    char escape[8];
    if (iscntrl(c))
      snprintf(escape, sizeof escape, "\\%03u", c);
    else
      snprintf(escape, sizeof escape, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    luaL_addstring(b, escape);
  }
  luaL_addstring(b, shown < size ? "…\"]" : "\"]");
}

static void push_string_key(lua_State *L, int key) {
  size_t size;
  const char *text = lua_tolstring(L, key, &size);
  if (is_identifier(text, size)) {
    lua_pushfstring(L, ".%s", text);
    return;
  }
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  add_quoted(&b, text, size);
  luaL_pushresult(&b);
}

static void push_key(lua_State *L, int key) {
  switch (lua_type(L, key)) {
    case LUA_TSTRING: push_string_key(L, key); return;
    case LUA_TBOOLEAN: lua_pushfstring(L, "[%s]", lua_toboolean(L, key) ? "true" : "false"); return;
    case LUA_TNUMBER:
      lua_pushvalue(L, key); /* a copy, because lua_tostring converts in place */
      lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
      lua_remove(L, -2);
      return;
    default: lua_pushfstring(L, "[%s]", luaL_typename(L, key)); return;
  }
}

static void push_root(lua_State *L, const struct path_step *root) {
  const bool is_call = strcmp(root->name, PATH_CALL) == 0;
  if (is_call && root->number <= 1)
    lua_pushliteral(L, "function");
  else if (is_call)
    lua_pushfstring(L, "argument %d", (int)root->number - 1);
  else if (root->number)
    lua_pushfstring(L, "%s %d", root->name, (int)root->number);
  else
    lua_pushstring(L, root->name);
}

static void push_element(lua_State *L, int64_t number) {
  char text[32];
  snprintf(text, sizeof text, "[%" PRId64 "]", number);
  lua_pushstring(L, text);
}

static void push_step(lua_State *L, const struct path_step *step) {
  switch (step->kind) {
    case PATH_ROOT: push_root(L, step); return;
    case PATH_ELEMENT: push_element(L, step->number); return;
    case PATH_FIELD: push_key(L, (int)step->number); return;
    case PATH_KEY: lua_pushliteral(L, "(key)"); return;
    case PATH_UPVALUE: lua_pushfstring(L, "(upvalue '%s')", step->name); return;
    case PATH_ENVIRONMENT: lua_pushliteral(L, "(environment)"); return;
    case PATH_METATABLE: lua_pushliteral(L, "(metatable)"); return;
    case PATH_CLASS: lua_pushliteral(L, ""); return;
    case PATH_SENT: lua_pushliteral(L, "(__mm_send)"); return;
    case PATH_FAR: lua_pushliteral(L, "…"); return;
  }
}

void path_push(lua_State *L, const struct path_step *at) {
  luaL_checkstack(L, 8, "no room to name a value");
  if (at->up)
    path_push(L, at->up);
  else
    lua_pushliteral(L, "");
  push_step(L, at);
  lua_concat(L, 2);
}

void path_raise(lua_State *L, const struct path_step *at, const char *what, const char *cure) {
  path_push(L, at);
  lua_pushfstring(L, "cannot send %s (at %s): %s", what, lua_tostring(L, -1), cure);
  lua_error(L);
  __builtin_unreachable(); /* lua_error is not declared noreturn */
}

/* Pushes the name of the userdata's type: __name of its metatable, or on 5.1, which has no __name,
 * the key of the metatable in the registry. True: the name is on top of the stack. */
static bool push_type_name(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_pushliteral(L, "__name");
  lua_rawget(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING) return true;
  lua_pop(L, 1);
  lua_pushnil(L);
  while (lua_next(L, LUA_REGISTRYINDEX)) {
    const bool is_it = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, -3);
    lua_pop(L, 1);
    if (is_it) return true;
  }
  return false;
}

void path_raise_userdata(lua_State *L, const struct path_step *at, int index) {
  luaL_checkstack(L, 8, "no room to name a value");
  const bool has_name = push_type_name(L, index);
  const bool is_file = has_name && strcmp(lua_tostring(L, -1), LUA_FILEHANDLE) == 0;
  if (has_name) lua_pushfstring(L, "a userdata of type %s", lua_tostring(L, -1));
  path_raise(L, at, has_name ? lua_tostring(L, -1) : "a userdata",
             is_file ? "open it in the worker"
                     : "make it in the worker, or see mm.register for a class that travels");
}
