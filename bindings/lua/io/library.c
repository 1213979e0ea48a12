/* SPDX-License-Identifier: MIT */
#include "io/library.h"

#include "io/opening.h"
#include "io/reading.h"
#include "io/result.h"
#include "io/writing.h"
#include "state/fresh.h"
#include "state/originals.h"
#include "state/vm.h"

/* ---- default files --------------------------------------------------------------------------- */

/* Keys of the registry, those of Lua's own library from 5.2 on. */
#define INPUT  "_IO_input"
#define OUTPUT "_IO_output"
enum { PREFIX = 4 }; /* the rest is the name */

/* Pushes the file; raises if it is closed. [-0, +1, raises] */
static FILE *push_default(lua_State *L, const char *key) {
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  FILE *f = io_file_at(L, -1);
  if (!f) luaL_error(L, "%s %s file is closed", LUA_DEFAULT_FILE, key + PREFIX);
  return f;
}

/* Before 5.2 Lua's own functions have the file elsewhere. */
static void set_default(lua_State *L, const char *key) {
  if (lua_keeps_default_files()) {
    io_files_push_original(L, key);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 0);
  }
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

/* Pushes the file of that name; raises as Lua's library does where it cannot be opened. */
static void push_named(lua_State *L, const char *mode) NO_THREAD_SAFETY_ANALYSIS {
  const char *name = lua_tostring(L, 1);
  const int error = opening_push_file(L, name, mode);
  if (!error) return;
  if (lua_checks_modes()) luaL_error(L, "cannot open file '%s' (%s)", name, strerror(error));
  luaL_argerror(L, 1, lua_pushfstring(L, "%s: %s", name, strerror(error)));
}

static int choose_default(lua_State *L, const char *key, const char *mode) {
  if (!lua_isnoneornil(L, 1)) {
    if (lua_tostring(L, 1)) {
      push_named(L, mode);
    } else {
      (void)io_file_check(L, 1);
      lua_pushvalue(L, 1);
    }
    set_default(L, key);
  }
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  return 1;
}

static int io_input(lua_State *L) { return choose_default(L, INPUT, "r"); }
static int io_output(lua_State *L) { return choose_default(L, OUTPUT, "w"); }

/* ---- reading --------------------------------------------------------------------------------- */

/* io_file_check of the first argument, which does not look the metatable up. */
static FILE *check_file(lua_State *L, const struct io_files *s) {
  const void *file = lua_touserdata(L, 1);
  if (!file || !lua_getmetatable(L, 1)) return io_file_check(L, 1);
  const bool is_file = lua_topointer(L, -1) == s->metatable;
  lua_pop(L, 1);
  FILE *f = is_file ? lua_file_get(file) : NULL;
  return f ? f : io_file_check(L, 1);
}

static int method_read(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  const struct io_files *s = io_files_here(L);
  FILE *f = io_file_source(L, check_file(L, s));
  const int last = lua_gettop(L);
  if (last == 1 && reading_push_line(L, s, f)) return 1;
  if (last == 2 && reading_push_format(L, s, f, 2)) return 1;
  reading_check_formats(L, 2);
  return reading_run(L);
}

static int io_read(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  const int count = lua_gettop(L);
  FILE *f = io_file_source(L, push_default(L, INPUT));
  if (count == 0 && reading_push_line(L, io_files_here(L), f)) return 1;
  if (count == 1 && reading_push_format(L, io_files_here(L), f, 1)) return 1;
  lua_pop(L, 1);
  reading_check_formats(L, 1);
  (void)push_default(L, INPUT);
  lua_insert(L, 1);
  return reading_run(L);
}

/* Upvalues of an iterator; the formats follow. */
enum { LINES_FILE = IO_FILES_UPVALUE + 1, LINES_COUNT, LINES_CLOSES, LINES_FORMATS, LINES_FORMATS_MAX = 250 };

static int next_line(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  FILE *f = io_file_at(L, lua_upvalueindex(LINES_FILE));
  const int count = (int)lua_tointeger(L, lua_upvalueindex(LINES_COUNT));
  if (!f) return luaL_error(L, lua_is_jit() ? "attempt to use a closed file" : "file is already closed");
  if (count == 0 && reading_push_line(L, io_files_here(L), io_file_source(L, f))) return 1;
  lua_settop(L, 0);
  luaL_checkstack(L, count + 1, "too many arguments");
  lua_pushvalue(L, lua_upvalueindex(LINES_FILE));
  for (int i = 0; i < count; i++) lua_pushvalue(L, lua_upvalueindex(LINES_FORMATS + i));
  reading_check_formats(L, 2);
  const int results = reading_run(L);
  if (lua_toboolean(L, -results)) return results;
  if (results > 1) return luaL_error(L, "%s", lua_tostring(L, -results + 1));
  if (!lua_toboolean(L, lua_upvalueindex(LINES_CLOSES))) return 0;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(LINES_FILE));
  (void)io_file_close(L, 1);
  return 0;
}

/* Pushes the iterator over the file at index 1, behind which are formats. [-0, +1, raises] */
static void push_lines(lua_State *L, bool closes) {
  const int count = lua_reads_bare_formats() ? lua_gettop(L) - 1 : 0;
  if (count > LINES_FORMATS_MAX) luaL_argerror(L, LINES_FORMATS_MAX + 2, "too many arguments");
  luaL_checkstack(L, count + LINES_FORMATS, "too many arguments");
  lua_pushvalue(L, lua_upvalueindex(IO_FILES_UPVALUE));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, count);
  lua_pushboolean(L, closes);
  for (int i = 0; i < count; i++) lua_pushvalue(L, 2 + i);
  lua_pushcclosure(L, next_line, LINES_FORMATS - 1 + count);
}

static int method_lines(lua_State *L) {
  (void)io_file_check(L, 1);
  push_lines(L, false);
  return 1;
}

static int io_lines(lua_State *L) {
  if (lua_isnone(L, 1)) lua_pushnil(L);
  const bool closes = !lua_isnil(L, 1);
  if (closes) {
    (void)luaL_checkstring(L, 1);
    push_named(L, "r");
  } else {
    lua_getfield(L, LUA_REGISTRYINDEX, INPUT);
  }
  lua_replace(L, 1);
  (void)io_file_check(L, 1);
  push_lines(L, closes);
  if (!closes || !LUA_HAS_CLOSE) return 1;
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, 1); /* to be closed */
  return 4;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* With the file at index 1 and the values behind it. */
static int write_values(lua_State *L, FILE *f) NO_THREAD_SAFETY_ANALYSIS {
  const struct io_files *s = io_files_here(L);
  return writing_at_once(L, s, f) ? writing_push_success(L, s, 1) : writing_run(L);
}

static int method_write(lua_State *L) {
  FILE *f = check_file(L, io_files_here(L));
  writing_check(L, 2);
  return write_values(L, f);
}

static int io_write(lua_State *L) {
  writing_check(L, 1);
  FILE *f = push_default(L, OUTPUT);
  lua_insert(L, 1);
  return write_values(L, f);
}

static int method_flush(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  (void)io_file_check(L, 1);
  lua_settop(L, 1);
  return writing_flush(L);
}

static int io_flush(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  lua_settop(L, 0);
  (void)push_default(L, OUTPUT);
  return writing_flush(L);
}

static int method_seek(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  static const char *const names[] = {"set", "cur", "end", NULL};
  (void)io_file_check(L, 1);
  const int whence = luaL_checkoption(L, 2, "cur", names);
  const lua_Integer offset = luaL_optinteger(L, 3, 0);
  lua_settop(L, 1);
  lua_pushinteger(L, whences[whence]);
  lua_pushinteger(L, offset);
  return writing_seek(L);
}

static int method_setvbuf(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  static const int modes[] = {_IONBF, _IOFBF, _IOLBF};
  static const char *const names[] = {"no", "full", "line", NULL};
  (void)io_file_check(L, 1);
  const int mode = luaL_checkoption(L, 2, NULL, names);
  const lua_Integer size = luaL_optinteger(L, 3, LUAL_BUFFERSIZE);
  lua_settop(L, 1);
  lua_pushinteger(L, modes[mode]);
  lua_pushinteger(L, size);
  return writing_set_buffer(L);
}

static int print_line(lua_State *L) NO_THREAD_SAFETY_ANALYSIS { return writing_print(L); }

/* ---- closing --------------------------------------------------------------------------------- */

static int method_close(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  (void)io_file_check(L, 1);
  return io_file_close(L, 1);
}

static int io_close(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  if (lua_isnone(L, 1)) lua_getfield(L, LUA_REGISTRYINDEX, OUTPUT);
  return method_close(L);
}

/* __close, of a variable that is to be closed. */
static int method_leave(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  (void)luaL_checkudata(L, 1, LUA_FILEHANDLE);
  lua_settop(L, 1);
  if (io_file_at(L, 1)) (void)io_file_close(L, 1);
  return 0;
}

static int method_collect(lua_State *L) {
  (void)luaL_checkudata(L, 1, LUA_FILEHANDLE);
  if (!io_file_at(L, 1)) return 0;
  if (io_file_is_ours(L, 1)) {
    io_file_collect(L, 1);
    return 0;
  }
  io_files_push_original(L, "__gc");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  return 0;
}

/* ---- taking the places ----------------------------------------------------------------------- */

static const luaL_Reg io_functions[] = {
    {"close", io_close},    {"flush", io_flush},   {"input", io_input},      {"lines", io_lines},
    {"open", opening_open}, {"output", io_output}, {"popen", opening_popen}, {"read", io_read},
    {"write", io_write},    {NULL, NULL},
};

static const luaL_Reg os_functions[] = {
    {"execute", opening_execute}, {"remove", opening_remove}, {"rename", opening_rename}, {NULL, NULL}};

static const luaL_Reg base_functions[] = {{"print", print_line}, {NULL, NULL}};

static const luaL_Reg methods[] = {
    {"close", method_close}, {"flush", method_flush},     {"lines", method_lines}, {"read", method_read},
    {"seek", method_seek},   {"setvbuf", method_setvbuf}, {"write", method_write}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {{"__gc", method_collect}, {"__close", method_leave}, {NULL, NULL}};

/* (…, state, table) Sets the functions in the table where it has Lua's own, those of `library`. */
static void take_places(lua_State *L, const luaL_Reg *functions, const char *library) {
  const int table = lua_gettop(L), state = table - 1;
  for (; functions->name; functions++) {
    originals_push(L, library, functions->name);
    lua_pushstring(L, functions->name);
    lua_rawget(L, table);
    const bool is_own = !lua_isnil(L, -1) && lua_rawequal(L, -1, -2);
    lua_settop(L, table);
    if (!is_own) continue;
    lua_pushvalue(L, state);
    lua_pushcclosure(L, functions->func, 1);
    lua_pushvalue(L, -1);
    originals_replace(L, library, functions->name);
    lua_pushstring(L, functions->name);
    lua_insert(L, -2);
    lua_rawset(L, table);
  }
}

/* (…, state, table) The same for the methods of files, which nobody else has. */
static void take_fields(lua_State *L, const luaL_Reg *functions) {
  const int table = lua_gettop(L), state = table - 1;
  for (; functions->name; functions++) {
    lua_pushstring(L, functions->name);
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
    const bool is_there = lua_iscfunction(L, -1);
    lua_pop(L, 1);
    if (is_there) {
      lua_pushvalue(L, state);
      lua_pushcclosure(L, functions->func, 1);
      lua_pushvalue(L, -1);
      originals_replace(L, FRESH_FILES, functions->name);
      lua_rawset(L, table);
    }
    lua_settop(L, table);
  }
}

/* (…, functions) Keeps Lua's own function that is on top. */
static void keep(lua_State *L, const char *key) { lua_setfield(L, -2, key); }

static void push_loaded(lua_State *L, const char *library) {
  lua_pushloaded(L);
  lua_getfield(L, -1, library);
  lua_remove(L, -2);
}

/* (…, functions) Those of Lua's own functions that are called again. */
static void keep_own(lua_State *L) {
  originals_push(L, LUA_IOLIBNAME, "open");
  keep(L, "io.open");
  originals_push(L, LUA_IOLIBNAME, "input");
  keep(L, INPUT);
  originals_push(L, LUA_IOLIBNAME, "output");
  keep(L, OUTPUT);
  originals_push(L, LUA_OSLIBNAME, "execute");
  keep(L, "os.execute");
  luaL_getmetatable(L, LUA_FILEHANDLE);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "__gc");
    lua_setfield(L, -3, "__gc");
    fresh_push_library(L, FRESH_FILES);
    lua_getfield(L, -1, "close");
    lua_setfield(L, -4, "close");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* The default files, where Lua's own library has them elsewhere. A program may have removed the library before. */
static void copy_defaults(lua_State *L) {
  static const char *const keys[] = {INPUT, OUTPUT};
  for (int i = 0; i < 2 && lua_keeps_default_files(); i++) {
    io_files_push_original(L, keys[i]);
    if (lua_isfunction(L, -1)) lua_call(L, 0, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, keys[i]);
  }
}

/* (…, state) */
static void install_files(lua_State *L) {
  fresh_push_library(L, FRESH_FILES);
  const bool has_files = lua_istable(L, -1);
  if (has_files) take_fields(L, methods);
  lua_pop(L, 1);
  if (!has_files) return;
  luaL_getmetatable(L, LUA_FILEHANDLE);
  io_files_of(L)->metatable = lua_topointer(L, -1);
  take_fields(L, metamethods);
  lua_pop(L, 1);
  copy_defaults(L);
  push_loaded(L, LUA_IOLIBNAME);
  if (lua_istable(L, -1)) take_places(L, io_functions, LUA_IOLIBNAME);
  lua_pop(L, 1);
}

/* (…, _G) Whether `print` is Lua's own: hosts have one that writes elsewhere, as editors do. */
static bool has_own_print(lua_State *L) {
  if (!lua_istable(L, -1)) return false;
  if (!vm_of(L)->is_adopted) return true;
  lua_pushliteral(L, "print");
  lua_rawget(L, -2);
  const bool is_own = lua_isfunction(L, -1) && fresh_is_basic(L, lua_gettop(L), "print");
  lua_pop(L, 1);
  return is_own;
}

void io_install(lua_State *L) {
  static const char key[] = "manymoons.io";
  const int top = lua_gettop(L);
  luaL_checkstack(L, 16, "no room to look at the libraries");
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  const bool is_done = lua_toboolean(L, -1);
  lua_settop(L, top);
  if (is_done) return;
  lua_newtable(L);
  keep_own(L);
  originals_push(L, LUA_TABLIBNAME, "pack");
  const bool tells_ends = !lua_isnil(L, -1);
  lua_pop(L, 1);
  struct io_files *s = io_files_new(L);
  s->tells_ends = tells_ends;
  s->flushes_prints = tells_ends || !vm_of(L)->is_adopted;
  install_files(L);
  push_loaded(L, "_G");
  if (has_own_print(L)) take_places(L, base_functions, "_G");
  lua_pop(L, 1);
  push_loaded(L, LUA_OSLIBNAME);
  if (lua_istable(L, -1)) take_places(L, os_functions, LUA_OSLIBNAME);
  lua_settop(L, top);
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

int io_install_call(lua_State *L) {
  io_install(L);
  return 0;
}
