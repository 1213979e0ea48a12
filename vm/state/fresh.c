/* SPDX-License-Identifier: MIT */
/* A mark stands for a value of the fresh state. A light userdata is the address of a C function;
 * LuaJIT's fast functions, which have none, have their text, as tostring gives it. A number or string stands for
 * itself; NaN stands for any other value, of which only the presence is compared. */
#include "state/fresh.h"

#include "state/error.h"

#include <string.h>

static const char fresh_key;
static const char preloads_key; /* name -> true, of package.preload */

static void *address_of(lua_CFunction function) {
  void *address;
  _Static_assert(sizeof address == sizeof function, "POSIX: a function's address fits");
  memcpy(&address, &function, sizeof address);
  return address;
}

static void push_string(lua_State *to, lua_State *from, int index) {
  size_t size;
  const char *text = lua_tolstring(from, index, &size);
  lua_pushlstring(to, text, size);
}

static void push_number(lua_State *to, lua_State *from, int index) {
  if (lua_isinteger(from, index))
    lua_pushinteger(to, lua_tointeger(from, index));
  else
    lua_pushnumber(to, lua_tonumber(from, index));
}

/* C functions, and library functions that LuaJIT has in bytecode, which have no line numbers. */
bool fresh_is_builtin(lua_State *L, int function) {
  lua_Debug info;
  lua_pushvalue(L, function);
  lua_getinfo(L, ">S", &info);
  return info.linedefined == -1;
}

bool fresh_is_basic(lua_State *L, int index, const char *name) {
  lua_State *fresh = luaL_newstate();
  if (!fresh) return false;
  lua_pushcfunction(fresh, luaopen_base);
  lua_pushliteral(fresh, "_G");
  bool is_it = false;
  if (lua_pcall(fresh, 1, 0, 0) == 0) {
    lua_getglobal(fresh, name);
    is_it = lua_tocfunction(fresh, -1) == lua_tocfunction(L, index);
    if (is_it && !lua_tocfunction(L, index)) is_it = fresh_is_builtin(L, index); /* fast ones of LuaJIT */
  }
  lua_close(fresh);
  return is_it;
}

/* Pushes tostring, or string.format and "%s": that of them which the script has not replaced. Returns
 * the number of values, 0 if it replaced both. */
static int push_describer(lua_State *L) {
  lua_pushloaded(L);
  lua_getfield(L, -1, "_G");
  lua_pushliteral(L, "tostring");
  if (lua_istable(L, -2)) lua_rawget(L, -2);
  lua_replace(L, -3);
  lua_pop(L, 1);
  if (lua_iscfunction(L, -1)) return 1;
  lua_pop(L, 1);
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  if (lua_istable(L, -1)) lua_getfield(L, -1, "format");
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_pushliteral(L, "%s");
  if (lua_iscfunction(L, -2)) return 2;
  lua_pop(L, 2);
  return 0;
}

/* Pushes the text of a fast function at `index` on `to`, "function: builtin#29"; false: it cannot be told. */
static void push_text_of(lua_State *to, lua_State *from, int index) {
  const int top = lua_gettop(from);
  const int values = push_describer(from);
  lua_pushvalue(from, index);
  const bool is_told = values > 0 && lua_pcall(from, values, 1, 0) == 0 && lua_type(from, -1) == LUA_TSTRING;
  if (is_told && to == from) return;
  if (is_told) push_string(to, from, -1);
  lua_settop(from, top);
  if (!is_told) lua_pushboolean(to, 0);
}

static void push_function_mark(lua_State *to, lua_State *from, int index) {
  void *address = address_of(lua_tocfunction(from, index));
  if (address)
    lua_pushlightuserdata(to, address);
  else if (fresh_is_builtin(from, index))
    push_text_of(to, from, index);
  else
    lua_pushboolean(to, 0);
}

/* Pushes on `to` the mark of the value at absolute index `index` of `from`; false: a fresh state has no such value. */
static void push_mark(lua_State *to, lua_State *from, int index) {
  switch (lua_type(from, index)) {
    case LUA_TFUNCTION: push_function_mark(to, from, index); return;
    case LUA_TNUMBER: push_number(to, from, index); return;
    case LUA_TSTRING: push_string(to, from, index); return;
    default: lua_pushnumber(to, (lua_Number)NAN); return;
  }
}

static void push_metatable_of_strings(lua_State *L) {
  lua_pushliteral(L, "");
  if (!lua_getmetatable(L, -1)) lua_pushnil(L);
  lua_remove(L, -2);
}

static void push_file_methods(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_FILEHANDLE);
  if (!lua_istable(L, -1)) return;
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void fresh_push_library(lua_State *L, const char *library) {
  if (strcmp(library, FRESH_FILES) == 0) {
    push_file_methods(L);
  } else if (strcmp(library, FRESH_STRINGS) == 0) {
    push_metatable_of_strings(L);
  } else {
    lua_pushloaded(L);
    lua_getfield(L, -1, library);
    lua_remove(L, -2);
  }
}

/* Pushes on `to` the marks of the table on top of the fresh state's stack. */
static void push_library(lua_State *to, lua_State *from) {
  lua_newtable(to);
  lua_pushnil(from);
  while (lua_next(from, -2)) {
    if (lua_type(from, -2) == LUA_TSTRING) {
      push_string(to, from, -2);
      push_mark(to, from, lua_gettop(from));
      lua_rawset(to, -3);
    }
    lua_pop(from, 1);
  }
}

static void push_libraries(lua_State *to, lua_State *from) {
  lua_newtable(to);
  lua_pushloaded(from);
  lua_pushnil(from);
  while (lua_next(from, -2)) {
    if (lua_istable(from, -1)) {
      lua_pushstring(to, lua_tostring(from, -2));
      push_library(to, from);
      lua_rawset(to, -3);
    }
    lua_pop(from, 1);
  }
  lua_pushliteral(from, "");
  if (lua_getmetatable(from, -1)) {
    push_library(to, from);
    lua_setfield(to, -2, FRESH_STRINGS);
  }
  push_file_methods(from);
  if (lua_istable(from, -1)) {
    push_library(to, from);
    lua_setfield(to, -2, FRESH_FILES);
  }
}

static void keep_preloads(lua_State *L, lua_State *from) {
  lua_newtable(L);
  lua_getfield(from, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(from, -1, LUA_LOADLIBNAME);
  lua_getfield(from, -1, "preload");
  lua_pushnil(from);
  while (lua_next(from, -2)) {
    lua_pop(from, 1);
    lua_pushstring(L, lua_tostring(from, -1));
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &preloads_key);
}

/* (fresh state) -> marks */
static int learn(lua_State *L) {
  lua_State *from = lua_touserdata(L, 1);
  keep_preloads(L, from);
  push_libraries(L, from);
  return 1;
}

static int open_libraries(lua_State *from) {
  luaL_openlibs(from);
  return 0;
}

static void learn_from_new_state(lua_State *L) {
  lua_pushcfunction(L, learn);
  lua_State *from = luaL_newstate();
  if (!from) error_raise_memory(L);
  int failed = lua_try(from, open_libraries, NULL);
  if (!failed) {
    lua_pushlightuserdata(L, from);
    failed = lua_pcall(L, 1, 1, 0);
  }
  lua_close(from);
  if (failed) error_raise_memory(L);
}

void fresh_push(lua_State *L) {
  luaL_checkstack(L, 8, "no room to look at globals");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &fresh_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  learn_from_new_state(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &fresh_key);
}

bool fresh_preloads(lua_State *L, const char *name) {
  fresh_push(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &preloads_key);
  lua_getfield(L, -1, name);
  const bool is_there = lua_toboolean(L, -1);
  lua_pop(L, 3);
  return is_there;
}

/* Whether a mark is that of values of which only the presence is compared. */
static bool is_any(lua_State *L, int mark) {
  return lua_type(L, mark) == LUA_TNUMBER && !lua_rawequal(L, mark, mark);
}

bool fresh_has(lua_State *L, int marks, int key, int value) {
  const int top = lua_gettop(L);
  marks = lua_absindex(L, marks);
  value = lua_absindex(L, value);
  lua_pushvalue(L, key);
  lua_rawget(L, marks);
  if (lua_isnil(L, -1)) {
    lua_settop(L, top);
    return false;
  }
  push_mark(L, L, value);
  const bool is_there = lua_rawequal(L, -1, -2) || (is_any(L, -1) && is_any(L, -2));
  lua_settop(L, top);
  return is_there;
}

/* (… mark, marks of a library) Pushes the key that has the mark. False, and nothing pushed. */
static bool push_key_of(lua_State *L) {
  const int mark = lua_gettop(L) - 1;
  lua_pushnil(L);
  while (lua_next(L, mark + 1)) {
    const bool is_it = lua_rawequal(L, -1, mark);
    lua_pop(L, 1);
    if (is_it) return true;
  }
  return false;
}

bool fresh_find(lua_State *L, int function) {
  luaL_checkstack(L, 12, "no room to name a function");
  const int top = lua_gettop(L);
  function = lua_absindex(L, function);
  fresh_push(L);
  push_mark(L, L, function);
  lua_pushnil(L);
  while (lua_toboolean(L, top + 2) && lua_next(L, top + 1)) {
    lua_pushvalue(L, top + 2);
    lua_pushvalue(L, -2);
    if (push_key_of(L)) {
      lua_pushvalue(L, top + 3);
      lua_pushlstring(L, "\0", 1);
      lua_pushvalue(L, -3);
      lua_concat(L, 3);
      lua_replace(L, top + 1);
      lua_settop(L, top + 1);
      return true;
    }
    lua_settop(L, top + 3);
  }
  lua_settop(L, top);
  return false;
}

static int no_function(UNUSED lua_State *L) { return 0; }

void fresh_push_value_of_type(lua_State *L, const char *type) {
  if (strcmp(type, "boolean") == 0)
    lua_pushboolean(L, 0);
  else if (strcmp(type, "number") == 0)
    lua_pushnumber(L, 0);
  else if (strcmp(type, "function") == 0)
    lua_pushcfunction(L, no_function);
  else if (strcmp(type, "thread") == 0)
    lua_pushthread(L);
  else
    lua_pushnil(L);
}
