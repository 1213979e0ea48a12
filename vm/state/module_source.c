/* SPDX-License-Identifier: MIT */
#include "state/module_source.h"

#include <string.h>

#include "os/program.h"
#include "state/fresh.h"
#include "state/originals.h"

static const char sources_key; /* name -> the function that loads the module; false: none is needed */

/* Whether `require` of a worker finds the module in a file: a template of package[list] names one. */
static bool has_module_file(lua_State *L, const char *name, const char *list) {
  const int top = lua_gettop(L);
  bool is_there = false;
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) lua_getfield(L, -1, list);
  const char *templates = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  const char *path = luaL_gsub(L, name, ".", "/");
  while (*templates && !is_there) {
    const size_t size = strcspn(templates, ";");
    lua_pushlstring(L, templates, size);
    is_there = program_has_file(luaL_gsub(L, lua_tostring(L, -1), "?", path));
    lua_pop(L, 2);
    templates += size + (templates[size] == ';');
  }
  lua_settop(L, top);
  return is_there;
}

enum preloaded { PRELOADED_NOT, PRELOADED_FOR_ALL, PRELOADED_BY_HOST };

/* Whether package.preload has the name: a function of the program, or one that a fresh VM has; or one that
 * only this host has. */
static enum preloaded preloaded_as(lua_State *L, const char *name) {
  const int top = lua_gettop(L);
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) lua_getfield(L, -1, "preload");
  if (lua_istable(L, -1)) lua_getfield(L, -1, name);
  enum preloaded how = PRELOADED_NOT;
  if (lua_isfunction(L, -1)) how = PRELOADED_FOR_ALL;
  if (lua_iscfunction(L, -1) && !fresh_preloads(L, name)) how = PRELOADED_BY_HOST;
  lua_settop(L, top);
  return how;
}

bool module_is_found(lua_State *L, const char *name) {
  luaL_checkstack(L, 8, "no room to look for a module");
  const enum preloaded how = preloaded_as(L, name);
  if (how != PRELOADED_NOT) return how == PRELOADED_FOR_ALL;
  return has_module_file(L, name, "path") || has_module_file(L, name, "cpath");
}

bool module_host_has_searchers(lua_State *L) {
  originals_push(L, ORIGINALS_SEARCHERS, "5");
  const bool has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

static void push_sources(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sources_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &sources_key);
}

/* Pushes what the searcher on top of the stack gives, in its place. False: no Lua function. [-1, +1, memory] */
static bool ask(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  return lua_pcall(L, 1, 1, 0) == 0 && lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
}

/* The first searcher is that of package.preload. */
static bool search(lua_State *L, const char *name) {
  const int top = lua_gettop(L);
  lua_pushsearchers(L);
  const int count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (int i = 2; i <= count; i++) {
    lua_rawgeti(L, top + 1, i);
    if (ask(L, name)) {
      lua_replace(L, top + 1);
      return true;
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
  return false;
}

/* A host builds modules into itself that work nowhere else, even if files have their source. */
bool module_source_push(lua_State *L, const char *name) {
  luaL_checkstack(L, 8, "no room to look for a module");
  if (preloaded_as(L, name) == PRELOADED_BY_HOST) return false;
  push_sources(L);
  lua_getfield(L, -1, name);
  if (lua_isfunction(L, -1)) {
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  if (!search(L, name)) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, name);
  lua_remove(L, -2);
  return true;
}

bool module_sources_exist(lua_State *L) {
  enum { STANDARD_SEARCHERS = 4 };
  lua_pushsearchers(L);
  const bool exist = lua_istable(L, -1) && lua_rawlen(L, -1) > STANDARD_SEARCHERS;
  lua_pop(L, 1);
  return exist;
}

static bool is_loaded(lua_State *L, const char *name) {
  lua_pushloaded(L);
  lua_getfield(L, -1, name);
  const bool is_it = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return is_it;
}

static bool is_known_as_found(lua_State *L, const char *name) {
  push_sources(L);
  lua_getfield(L, -1, name);
  const bool is_it = lua_isboolean(L, -1);
  lua_pop(L, 2);
  return is_it;
}

bool module_source_push_if_needed(lua_State *L, const char *name) {
  luaL_checkstack(L, 12, "no room to look for a module");
  if (!is_loaded(L, name) || is_known_as_found(L, name)) return false;
  if (!module_is_found(L, name) && module_source_push(L, name)) return true;
  push_sources(L);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  return false;
}

void module_source_add(lua_State *L, const char *name) {
  const int source = lua_gettop(L);
  lua_pushloaded(L);
  lua_getfield(L, -1, name);
  const bool is_needed = lua_isnil(L, -1);
  lua_getfield(L, source + 1, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) lua_getfield(L, -1, "preload");
  if (is_needed && lua_istable(L, -1)) {
    lua_getfield(L, -1, name);
    const bool is_free = lua_isnil(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, source);
    if (is_free) lua_setfield(L, -2, name);
  }
  lua_settop(L, source - 1);
}
