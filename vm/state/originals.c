/* SPDX-License-Identifier: MIT */
/* Three tables: `kept`, library -> key -> function, filled at the beginning; `places`, made when a
 * function is first looked for: function -> "library NUL key", or false; and `replacements`, the same of the functions
 * that originals_replace has put there, one after the other: a program may have kept any of them. A place that a fresh
 * VM does not have is the host's, and no original: a receiver may not have it. */
#include "state/originals.h"

#include <string.h>

#include "state/fresh.h"
#include "state/weak_table.h"

static const char kept_key = 'k'; /* their addresses are the keys; never written */
static const char places_key = 'p';
static const char replacements_key = 'r';

/* Each VM begins with this: its tables have the size that they need. */
static const struct library {
  const char *name;
  int functions; /* about as many as it has */
} libraries[] = {{"_G", 24},  {"string", 17}, {"table", 7},     {"math", 27}, {"io", 11},
                 {"os", 11},  {"package", 4}, {"coroutine", 8}, {"utf8", 5},  {"debug", 16},
                 {"bit", 12}, {"jit", 8},     {"bit32", 12},    {"ffi", 16}};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* ---- keeping --------------------------------------------------------------------------------- */

/* (… functions) Adds the builtin functions of the table on top of the stack, and pops it. */
static void keep_functions(lua_State *L) {
  const int source = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, source)) {
    const bool is_builtin = lua_iscfunction(L, -1) || (lua_isfunction(L, -1) && fresh_is_builtin(L, -1));
    if (is_builtin && lua_type(L, -2) == LUA_TSTRING) {
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, source - 1);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* (… functions) Adds the searchers of `require`, by their numbers as text. */
static void keep_searchers(lua_State *L) {
  const int functions = lua_gettop(L);
  lua_pushsearchers(L);
  const int count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (int i = 1; i <= count; i++) {
    lua_pushfstring(L, "%d", i);
    lua_rawgeti(L, functions + 1, i);
    lua_rawset(L, functions);
  }
  lua_settop(L, functions);
}

void originals_keep(lua_State *L) {
  luaL_checkstack(L, 8, "no room to look at the libraries");
  const int top = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  if (lua_istable(L, -1)) {
    lua_settop(L, top);
    return;
  }
  lua_createtable(L, 0, LIBRARIES + 3);
  lua_pushloaded(L);
  for (int i = 0; i < LIBRARIES; i++) {
    lua_getfield(L, top + 3, libraries[i].name);
    const bool is_there = lua_istable(L, -1);
    lua_createtable(L, 0, is_there ? libraries[i].functions : 0);
    lua_insert(L, -2);
    if (is_there)
      keep_functions(L);
    else
      lua_pop(L, 1);
    lua_setfield(L, top + 2, libraries[i].name);
  }
  lua_newtable(L);
  lua_pushliteral(L, "");
  const bool has_metatable = lua_getmetatable(L, -1);
  lua_remove(L, has_metatable ? -2 : -1);
  if (has_metatable) keep_functions(L);
  lua_setfield(L, top + 2, FRESH_STRINGS);
  lua_newtable(L);
  fresh_push_library(L, FRESH_FILES);
  if (lua_istable(L, -1))
    keep_functions(L);
  else
    lua_pop(L, 1);
  lua_setfield(L, top + 2, FRESH_FILES);
  lua_newtable(L);
  keep_searchers(L);
  lua_setfield(L, top + 2, ORIGINALS_SEARCHERS);
  lua_settop(L, top + 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  lua_settop(L, top);
}

void originals_push_library(lua_State *L, const char *library) {
  originals_keep(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  lua_getfield(L, -1, library);
  lua_remove(L, -2);
}

/* Pushes "library NUL key". */
static void push_place(lua_State *L, const char *library, const char *key) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addlstring(&text, library, strlen(library) + 1);
  luaL_addstring(&text, key);
  luaL_pushresult(&text);
}

void originals_replace(lua_State *L, const char *library, const char *key) {
  luaL_checkstack(L, 12, "no room to replace a function");
  weak_table_push_kept(L, &replacements_key, "k");
  lua_pushvalue(L, -2);
  push_place(L, library, key);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  originals_push_library(L, library);
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, key);
  }
  lua_pop(L, 2);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* (… places, marks or nil, functions) Enters the functions of a library whose places a fresh VM has. */
static void enter_functions(lua_State *L, const char *library) {
  const int functions = lua_gettop(L);
  const bool has_marks = lua_istable(L, functions - 1);
  lua_pushnil(L);
  while (lua_next(L, functions)) {
    if (has_marks) {
      lua_pushvalue(L, -2);
      lua_rawget(L, functions - 1);
    } else {
      lua_pushboolean(L, strcmp(library, ORIGINALS_SEARCHERS) == 0);
    }
    const bool is_known = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (is_known) {
      push_place(L, library, lua_tostring(L, -2));
      lua_rawset(L, functions - 2);
    } else {
      lua_pop(L, 1);
    }
    lua_settop(L, functions + 1);
  }
}

static void push_new_places(lua_State *L) {
  const int places = lua_gettop(L) + 1;
  weak_table_push(L, "k");
  fresh_push(L);
  originals_keep(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  lua_pushnil(L);
  while (lua_next(L, places + 2)) {
    const char *library = lua_tostring(L, -2);
    lua_pushvalue(L, places);
    lua_getfield(L, places + 1, library);
    lua_pushvalue(L, -3);
    enter_functions(L, library);
    lua_settop(L, places + 3);
  }
  lua_settop(L, places);
}

static void push_places(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &places_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  push_new_places(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
}

/* (… place) Replaces "library NUL key" on top of the stack by library and key. */
static void split_place(lua_State *L) {
  const char *library = lua_tostring(L, -1);
  lua_pushstring(L, library);
  lua_pushstring(L, library + strlen(library) + 1);
  lua_remove(L, -3);
}

/* Pushes the place for which originals_replace has got this function, or nil. */
static void push_place_of_replacement(lua_State *L, int function) {
  weak_table_push_kept(L, &replacements_key, "k");
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

bool originals_find(lua_State *L, int index) {
  luaL_checkstack(L, 16, "no room to name a function");
  const int top = lua_gettop(L);
  const int function = lua_absindex(L, index);
  push_places(L);
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1)) {
    push_place_of_replacement(L, function);
    if (lua_isnil(L, -1) && !fresh_find(L, function)) lua_pushboolean(L, 0);
    lua_pushvalue(L, function);
    lua_pushvalue(L, -2);
    lua_rawset(L, top + 1);
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  split_place(L);
  return true;
}

bool originals_is_at(lua_State *L, int index, const char *library, const char *key) {
  if (!originals_find(L, index)) return false;
  const bool is_there = strcmp(lua_tostring(L, -2), library) == 0 && strcmp(lua_tostring(L, -1), key) == 0;
  lua_pop(L, 2);
  return is_there;
}

bool originals_is_replaced(lua_State *L, int index, const char *library, const char *key) {
  return lua_isfunction(L, index) && !lua_iscfunction(L, index) && !originals_is_at(L, index, library, key);
}

void originals_push(lua_State *L, const char *library, const char *key) {
  luaL_checkstack(L, 12, "no room for a function");
  originals_push_library(L, library);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, key);
  lua_remove(L, -2);
}
