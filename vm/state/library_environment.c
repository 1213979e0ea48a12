/* SPDX-License-Identifier: MIT */
#include "state/library_environment.h"

#include "state/originals.h"
#include "state/table_copy.h"

static const char environment_key;

struct library {
  const char *name;
  lua_CFunction open; /* NULL: it cannot be opened by itself */
};

/* The libraries without which no file of ours works. Opening `string` again would change strings. */
static const struct library libraries[] = {{LUA_TABLIBNAME, luaopen_table},   {LUA_STRLIBNAME, NULL},
                                           {LUA_MATHLIBNAME, luaopen_math},   {LUA_IOLIBNAME, luaopen_io},
                                           {LUA_OSLIBNAME, luaopen_os},       {LUA_DBLIBNAME, luaopen_debug},
                                           {LUA_COLIBNAME, luaopen_coroutine}};

static const char *const base[] = {"assert",   "error",    "getmetatable", "ipairs", "next",   "pairs",
                                   "pcall",    "rawequal", "rawget",       "rawset", "select", "setmetatable",
                                   "tonumber", "tostring", "type",         "xpcall"};

enum { ENVIRONMENT = 1, GLOBALS, LOADED, LIBRARY };

/* Copies the fields of the table on top of the stack into the table at `to`, and pops it; of another value
 * nothing. [-1, +0, memory] */
static void copy_fields(lua_State *L, int to) {
  const int from = lua_gettop(L);
  if (lua_istable(L, from)) {
    lua_pushnil(L);
    while (lua_next(L, from)) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, to);
    }
  }
  lua_settop(L, from - 1);
}

/* Copies the originals on top of the stack, and pops them: what is there as a C function is an original or a
 * function of ours, and stays. */
static void copy_originals(lua_State *L, int to) {
  const int from = lua_gettop(L);
  lua_pushnil(L);
  while (lua_istable(L, from) && lua_next(L, from)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, to);
    const bool stays = lua_iscfunction(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    if (stays)
      lua_pop(L, 2);
    else
      lua_rawset(L, to);
  }
  lua_settop(L, from - 1);
}

/* Pushes a raw field of a table, or nil. */
static void push_field(lua_State *L, int table, const char *name) {
  lua_pushstring(L, name);
  if (lua_istable(L, table))
    lua_rawget(L, table);
  else
    lua_pushnil(L);
  if (!lua_istable(L, table)) lua_remove(L, -2);
}

/* What opening the library io again replaces, where the program had it before and removed it: fields of the metatable of
 * files, on LuaJIT the metatable itself. Pushes it and a copy of its fields; or nil twice. [-0, +2, memory] */
static void push_files(lua_State *L) {
  luaL_getmetatable(L, LUA_FILEHANDLE);
  if (!lua_istable(L, -1)) {
    lua_pushnil(L);
    return;
  }
  table_push_copy(L);
}

/* Puts back what push_files has left at `files`. [-0, +0, memory] */
static void restore_files(lua_State *L, int files) {
  if (!lua_istable(L, files)) return;
  lua_pushnil(L);
  while (lua_next(L, files + 1)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, files);
  }
  lua_pushvalue(L, files);
  lua_setfield(L, LUA_REGISTRYINDEX, LUA_FILEHANDLE);
}

/* Pushes the library as its own function opens it, and leaves globals and package.loaded as they were. */
static void push_opened(lua_State *L, const struct library *library) {
  const int files = lua_gettop(L) + 1;
  push_files(L);
  lua_pushcfunction(L, library->open);
  lua_pushstring(L, library->name);
  lua_call(L, 1, 1);
  restore_files(L, files);
  lua_replace(L, files);
  lua_settop(L, files);
  if (!lua_istable(L, -1)) { /* 5.1 may return nothing of use, and has made it a global */
    lua_pop(L, 1);
    push_field(L, GLOBALS, library->name);
  }
  lua_pushstring(L, library->name);
  lua_pushnil(L);
  lua_rawset(L, GLOBALS);
  lua_pushstring(L, library->name);
  lua_pushnil(L);
  lua_rawset(L, LOADED);
}

static void raise_missing(lua_State *L, const char *kind, const char *name) {
  luaL_error(
      L,
      "manymoons: this Lua state has no %s '%s', which the library needs (open it before, see luaL_openlibs)",
      kind, name);
}

/* Adds a copy of a standard library to the environment. */
static void add_library(lua_State *L, const struct library *library) {
  const char *name = library->name;
  lua_settop(L, LOADED);
  lua_newtable(L);
  push_field(L, LOADED, name);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    push_field(L, GLOBALS, name);
  }
  if (!lua_istable(L, -1)) {
    if (!library->open) raise_missing(L, "library", name);
    lua_pop(L, 1);
    push_opened(L, library);
  }
  copy_fields(L, LIBRARY);
  originals_push_library(L, name);
  copy_originals(L, LIBRARY);
  lua_pushvalue(L, LIBRARY);
  lua_setfield(L, ENVIRONMENT, name);
}

/* Gives the table at LIBRARY what else the table on top of the stack has, as it is when it is used.
 * [-1, +0, memory] */
static void inherit(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, LIBRARY);
}

/* What the program, or this library, may put in place of a standard field is the one of the time of use. */
static void follow(lua_State *L, const char *library, const char *const *fields) {
  lua_settop(L, LOADED);
  lua_getfield(L, ENVIRONMENT, library);
  push_field(L, LOADED, library);
  if (!lua_istable(L, -1)) return;
  for (; *fields; fields++) {
    lua_pushnil(L);
    lua_setfield(L, LIBRARY, *fields);
  }
  inherit(L);
}

/* os.exit is replaced by that of a worker, and by the seam of tasks (async/exit.lua); programs that catch what
 * is said replace io.stderr. */
static void follow_program(lua_State *L) {
  static const char *const exit[] = {"exit", NULL}, *const streams[] = {"stdout", "stderr", NULL};
  follow(L, LUA_OSLIBNAME, exit);
  follow(L, LUA_IOLIBNAME, streams);
}

/* The paths of `package` are those of the time at which they are used; its tables are the ones that Lua uses. */
static void add_package(lua_State *L) {
  lua_settop(L, LOADED);
  lua_newtable(L);
  lua_pushvalue(L, LOADED);
  lua_setfield(L, LIBRARY, "loaded");
  push_field(L, LOADED, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "preload");
    lua_setfield(L, LIBRARY, "preload");
    inherit(L);
  }
  lua_settop(L, LIBRARY);
  lua_setfield(L, ENVIRONMENT, LUA_LOADLIBNAME);
}

/* (environment, name) -> the global, raw: a program may guard its globals. */
static int index_globals(lua_State *L) {
  lua_pushglobaltable(L);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  return 1;
}

/* (environment, name, value) */
static int set_global(lua_State *L) {
  lua_pushglobaltable(L);
  lua_replace(L, 1);
  lua_rawset(L, 1);
  return 0;
}

static void add_base(lua_State *L) {
  lua_settop(L, LOADED);
  originals_push_library(L, "_G");
  copy_fields(L, ENVIRONMENT);
  for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
    push_field(L, ENVIRONMENT, base[i]);
    if (lua_isnil(L, -1)) {
      push_field(L, GLOBALS, base[i]);
      if (lua_isnil(L, -1)) raise_missing(L, "function", base[i]);
      lua_setfield(L, ENVIRONMENT, base[i]);
    }
    lua_settop(L, LOADED);
  }
  lua_pushvalue(L, GLOBALS);
  lua_setfield(L, ENVIRONMENT, "_G");
}

static int make(lua_State *L) {
  static const luaL_Reg access[] = {{"__index", index_globals}, {"__newindex", set_global}, {NULL, NULL}};
  lua_settop(L, 0);
  lua_newtable(L);
  lua_pushglobaltable(L);
  lua_pushloaded(L);
  add_base(L);
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) add_library(L, &libraries[i]);
  follow_program(L);
  add_package(L);
  lua_settop(L, ENVIRONMENT);
  lua_newtable(L);
  luaL_setfuncs(L, access, 0);
  lua_setmetatable(L, ENVIRONMENT);
  return 1;
}

void library_environment_push_made(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key); }

void library_environment_push(lua_State *L) {
  luaL_checkstack(L, 4, "no room for an environment");
  library_environment_push_made(L);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, make);
  lua_call(L, 0, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
}

void library_environment_set(lua_State *L) {
  if (lua_setenvironment(L, -2)) return;
  if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1); /* a file that uses no globals */
}
