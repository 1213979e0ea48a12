/* SPDX-License-Identifier: MIT */
/* The index is built breadth first from package.loaded. Modules, and _G, are not entered: they have names of their
 * own, and are looked at from their own place alone. */
#include "state/private_names.h"

#include <stdint.h>
#include <string.h>

#include "state/library.h"
#include "state/names.h"
#include "state/weak_table.h"

enum {
  WALK_MAX = 20000,  /* objects that are looked at, the nearest first */
  FIELDS_MAX = 1000, /* a larger table is data */
  PATH_MAX_SIZE = 200,
  MARK_DIGITS = 16,
};

static const char index_key = 'x'; /* its address is the key; never written */
static const char loaded_key = 'l';

/* ---- marks ----------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text, size_t size) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
  return hash ^ hash >> 29;
}

static bool has_weak_keys(lua_State *L, int table) {
  const int top = lua_gettop(L);
  bool has = false;
  if (lua_getmetatable(L, table)) {
    lua_pushliteral(L, "__mode");
    lua_rawget(L, -2);
    has = lua_type(L, -1) == LUA_TSTRING && strchr(lua_tostring(L, -1), 'k') != NULL;
  }
  lua_settop(L, top);
  return has;
}

/* Pushes the mark of the table at `table`. [-0, +1, memory] */
static void push_mark(lua_State *L, int table) {
  static const char digits[] = "0123456789abcdef";
  const int key = lua_gettop(L) + 1;
  char text[MARK_DIGITS];
  const bool is_registry = has_weak_keys(L, table); /* what it holds differs */
  uint64_t mark = is_registry;
  lua_pushnil(L);
  for (int i = 0; !is_registry && i < FIELDS_MAX && lua_next(L, table); i++) {
    size_t size = 0;
    const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tolstring(L, key, &size) : NULL;
    if (name && lua_isfunction(L, key + 1)) mark += hash_of(name, size) << 1;
    lua_settop(L, key);
  }
  lua_settop(L, key - 1);
  for (int i = 0; i < MARK_DIGITS; i++, mark >>= 4) text[i] = digits[mark & 15];
  lua_pushlstring(L, text, sizeof text);
}

/* ---- the index: object -> module NUL path, or false ------------------------------------------ */

struct walk {
  lua_State *L;
  int index; /* stack index of the table object -> name */
  int queue; /* stack index of the list: object, name, object, … */
  int count;
};

/* Enters the value on top of the stack under the name below it, if it is a table or a Lua function that the index does
 * not have yet. [-2, +0, memory] */
static void walk_add(struct walk *w) {
  lua_State *L = w->L;
  const int value = lua_gettop(L);
  const bool is_code = lua_isfunction(L, value) && !names_have(L, value);
  if ((lua_istable(L, value) || is_code) && w->count < 2 * WALK_MAX) {
    lua_pushvalue(L, value);
    lua_rawget(L, w->index);
    if (lua_isnil(L, -1)) {
      lua_pushvalue(L, value);
      lua_pushvalue(L, value - 1);
      lua_rawset(L, w->index);
      lua_pushvalue(L, value);
      lua_rawseti(L, w->queue, ++w->count);
      lua_pushvalue(L, value - 1);
      lua_rawseti(L, w->queue, ++w->count);
    }
  }
  lua_settop(L, value - 2);
}

/* Pushes the name of what stands in the place `component` of the object called `name`. False, and nothing pushed: it
 * is too long, or cannot be part of a path. */
static bool push_name(lua_State *L, int name, const char *mark, const char *component, size_t size) {
  size_t base;
  const char *text = lua_tolstring(L, name, &base);
  const bool is_text =
      size <= PATH_MAX_SIZE && !memchr(component, '.', size) && !memchr(component, '\0', size);
  if (!is_text || base + size + 2 > PATH_MAX_SIZE || (!*mark && *component == '^')) return false;
  luaL_checkstack(L, 4, "no room to name a class");
  lua_pushvalue(L, name);
  lua_pushstring(L, text[base - 1] == '\0' ? "" : ".");
  lua_pushstring(L, mark);
  lua_pushlstring(L, component, size);
  lua_concat(L, 4);
  return true;
}

static void walk_table(struct walk *w, int table, int name) {
  lua_State *L = w->L;
  const int top = lua_gettop(L);
  if (lua_getmetatable(L, table) && push_name(L, name, "^", "", 0)) {
    lua_pushvalue(L, top + 1);
    walk_add(w);
  }
  lua_settop(L, top);
  lua_pushnil(L);
  for (int i = 0; i < FIELDS_MAX && lua_next(L, table); i++) {
    size_t size = 0;
    const char *key = lua_type(L, top + 1) == LUA_TSTRING ? lua_tolstring(L, top + 1, &size) : "";
    if (size > 0 && push_name(L, name, "", key, size)) {
      lua_pushvalue(L, top + 2);
      walk_add(w);
    }
    lua_settop(L, top + 1);
  }
  lua_settop(L, top);
}

static void walk_function(struct walk *w, int function, int name) {
  lua_State *L = w->L;
  const int top = lua_gettop(L);
  const char *upvalue;
  for (int n = 1; (upvalue = lua_getupvalue(L, function, n)); n++) {
    const bool has_name = *upvalue != '\0' && *upvalue != '('; /* stripped code has none */
    if (has_name && push_name(L, name, "^", upvalue, strlen(upvalue))) {
      lua_pushvalue(L, top + 1);
      walk_add(w);
    }
    lua_settop(L, top);
  }
}

static bool is_of_this_library(const char *module) {
  return strncmp(module, VM_LIBRARY_KEY, strlen(VM_LIBRARY_KEY)) == 0;
}

/* Enters each module and _G as known by other names, and puts the modules of the program on the queue. */
static void walk_begin(struct walk *w) {
  lua_State *L = w->L;
  lua_pushglobaltable(L);
  lua_pushboolean(L, 0);
  lua_rawset(L, w->index);
  lua_pushloaded(L);
  const int loaded = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    const char *name = lua_type(L, loaded + 1) == LUA_TSTRING ? lua_tostring(L, loaded + 1) : VM_LIBRARY_KEY;
    if (!lua_rawequal(L, loaded + 2, loaded - 1) && !is_of_this_library(name)) {
      lua_pushvalue(L, loaded + 2);
      lua_rawseti(L, w->queue, ++w->count);
      lua_pushstring(L, name);
      lua_pushlstring(L, "\0", 1);
      lua_concat(L, 2);
      lua_rawseti(L, w->queue, ++w->count);
    }
    lua_pushboolean(L, 0);
    if (lua_istable(L, loaded + 2) || lua_isfunction(L, loaded + 2))
      lua_rawset(L, w->index);
    else
      lua_pop(L, 2);
    lua_settop(L, loaded + 1);
  }
  lua_settop(L, w->queue);
}

static void index_rebuild(lua_State *L) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 16, "no room to look for classes of modules");
  struct walk w = {.L = L, .index = top + 1, .queue = top + 2};
  weak_table_push(L, "k", 0);
  lua_newtable(L);
  walk_begin(&w);
  for (int i = 1; i < w.count; i += 2) {
    lua_rawgeti(L, w.queue, i);
    lua_rawgeti(L, w.queue, i + 1);
    if (lua_istable(L, top + 3))
      walk_table(&w, top + 3, top + 4);
    else if (lua_isfunction(L, top + 3))
      walk_function(&w, top + 3, top + 4);
    lua_settop(L, w.queue);
  }
  lua_settop(L, w.index);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &index_key);
  names_note_loaded(L, &loaded_key);
}

bool private_name_find(lua_State *L, int index) {
  luaL_checkstack(L, 8, "no room to name a class");
  const int table = lua_absindex(L, index);
  if (!names_are_as_noted(L, &loaded_key)) index_rebuild(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &index_key);
  lua_pushvalue(L, table);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushlstring(L, "\0", 1);
  push_mark(L, table);
  lua_concat(L, 3);
  return true;
}

/* ---- following a name ------------------------------------------------------------------------ */

/* Replaces the function on top of the stack by its upvalue, or by nil. */
static void step_to_upvalue(lua_State *L, const char *component, size_t size) {
  const int function = lua_gettop(L);
  const char *upvalue;
  for (int n = 1; (upvalue = lua_getupvalue(L, function, n)); n++) {
    if (strlen(upvalue) == size && memcmp(upvalue, component, size) == 0) break;
    lua_settop(L, function);
  }
  if (!upvalue) lua_pushnil(L);
  lua_replace(L, function);
}

/* Replaces the object on top of the stack by what it has in a place, or by nil. */
static void step(lua_State *L, const char *component, size_t size) {
  if (component[0] == '^' && size > 1 && lua_isfunction(L, -1) && !lua_iscfunction(L, -1)) {
    step_to_upvalue(L, component + 1, size - 1);
    return;
  }
  if (!lua_istable(L, -1)) {
    lua_pushnil(L);
  } else if (component[0] == '^') {
    if (!lua_getmetatable(L, -1)) lua_pushnil(L);
  } else {
    lua_pushlstring(L, component, size);
    lua_rawget(L, -2);
  }
  lua_remove(L, -2);
}

/* (name) -> table or nil */
static int resolve_protected(lua_State *L) {
  const char *module = lua_tostring(L, 1);
  const char *path = module + strlen(module) + 1;
  const char *mark = path + strlen(path) + 1;
  lua_pushstring(L, module);
  names_push_module(L);
  while (*path) {
    const size_t size = strcspn(path, ".");
    step(L, path, size);
    path += size + (path[size] == '.');
  }
  if (!lua_istable(L, -1)) return 0;
  push_mark(L, lua_gettop(L));
  if (strcmp(lua_tostring(L, -1), mark) != 0) return 0;
  lua_pop(L, 1);
  return 1;
}

bool private_name_is_one(const char *text, size_t size) {
  const char *path = memchr(text, '\0', size);
  return path && memchr(path + 1, '\0', size - (size_t)(path + 1 - text));
}

void private_name_resolve(lua_State *L) {
  luaL_checkstack(L, 4, "no room to find a class");
  lua_pushcfunction(L, resolve_protected);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 1, 0) == 0) return;
  lua_pop(L, 1);
  lua_pushnil(L);
}
