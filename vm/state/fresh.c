/* SPDX-License-Identifier: MIT */
/* A mark stands for a value of the fresh state. A light userdata is the address of a C function
 * (NULL for LuaJIT's fast functions, which have none); a number, string or boolean stands for
 * itself; NaN stands for any other value, of which only the presence is compared. */
#include "state/fresh.h"

#include "state/error.h"

#include <string.h>

static const char fresh_key;

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

/* Pushes on `to` the mark of the value at `index` of the fresh state. */
static void push_mark(lua_State *to, lua_State *from, int index) {
  switch (lua_type(from, index)) {
    case LUA_TFUNCTION: lua_pushlightuserdata(to, address_of(lua_tocfunction(from, index))); return;
    case LUA_TNUMBER: push_number(to, from, index); return;
    case LUA_TSTRING: push_string(to, from, index); return;
    default: lua_pushnumber(to, (lua_Number)NAN); return;
  }
}

/* Pushes on `to` the marks of the table on top of the fresh state's stack. */
static void push_library(lua_State *to, lua_State *from) {
  lua_newtable(to);
  lua_pushnil(from);
  while (lua_next(from, -2)) {
    if (lua_type(from, -2) == LUA_TSTRING) {
      push_string(to, from, -2);
      push_mark(to, from, -1);
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
}

/* (fresh state) -> marks */
static int learn(lua_State *L) {
  lua_State *from = lua_touserdata(L, 1);
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

/* C functions, and library functions that LuaJIT has in bytecode, which have no line numbers. */
static bool is_builtin(lua_State *L, int function) {
  lua_Debug info;
  lua_pushvalue(L, function);
  lua_getinfo(L, ">S", &info);
  return info.linedefined == -1;
}

static bool is_marked(lua_State *L, int mark, int value) {
  switch (lua_type(L, value)) {
    case LUA_TFUNCTION:
      return is_builtin(L, value) && lua_touserdata(L, mark) == address_of(lua_tocfunction(L, value));
    case LUA_TNUMBER:
    case LUA_TSTRING: return lua_rawequal(L, mark, value);
    default: return lua_type(L, mark) == LUA_TNUMBER && !lua_rawequal(L, mark, mark);
  }
}

bool fresh_has(lua_State *L, int marks, int key, int value) {
  marks = lua_absindex(L, marks);
  key = lua_absindex(L, key);
  value = lua_absindex(L, value);
  lua_pushvalue(L, key);
  lua_rawget(L, marks);
  const bool is_there = !lua_isnil(L, -1) && is_marked(L, lua_gettop(L), value);
  lua_pop(L, 1);
  return is_there;
}
