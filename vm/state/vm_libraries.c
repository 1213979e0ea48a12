/* SPDX-License-Identifier: MIT */
/* The full set is opened by luaL_openlibs. A smaller set is opened library by library, because a
 * script can find a library that was opened and then hidden: through package.loaded, or a
 * metatable.
 */
#include "state/vm_libraries.h"

#include <string.h>

#include "state/counted.h"

struct library {
  unsigned bit;
  const char *name;
  lua_CFunction open;
};

unsigned vm_library_called(const char *name) {
  static const struct {
    const char *name;
    unsigned bit;
  } names[] = {{"safe", VM_LIB_SAFE},   {"io", VM_LIB_IO},   {"os", VM_LIB_OS},  {"package", VM_LIB_PACKAGE},
               {"debug", VM_LIB_DEBUG}, {"ffi", VM_LIB_FFI}, {"all", VM_LIB_ALL}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i].name, name) == 0) return names[i].bit;
  return 0;
}

/* load(chunk, name, mode, environment) and 5.1's loadstring(chunk, name) refuse bytecode, whatever
 * the mode. Of a reader function the first piece that is not empty is checked. Long text is read in
 * pieces, between which the VM looks up. */
enum { ORIGINAL = 1, LOAD = 2, LONG_TEXT = 1 << 14 }; /* upvalues: Lua's own function, and its load */

static bool is_bytecode(lua_State *L, int index) {
  size_t size = 0;
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;
  return size > 0 && *text == LUA_SIGNATURE[0];
}

/* Upvalues: the reader function, and whether it has returned a piece that is not empty. */
static int read_text(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 0, 1);
  if (is_bytecode(L, 1) && !lua_toboolean(L, lua_upvalueindex(2))) luaL_error(L, "attempt to load bytecode");
  if (lua_type(L, 1) == LUA_TSTRING && lua_rawlen(L, 1) > 0) {
    lua_pushboolean(L, 1);
    lua_replace(L, lua_upvalueindex(2));
  }
  return 1;
}

/* Upvalues: the text, and the source that reads it. */
static int read_piece(lua_State *L) {
  size_t size = 0;
  const char *piece = counted_read(L, lua_touserdata(L, lua_upvalueindex(2)), &size);
  if (piece)
    lua_pushlstring(L, piece, size);
  else
    lua_pushnil(L);
  return 1;
}

/* (text, name, …): replaces the text by a reader of it, and gives it the name that text has. */
static void read_in_pieces(lua_State *L) {
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, lua_gettop(L) < 2 ? 2 : lua_gettop(L));
    lua_pushvalue(L, 1);
    lua_replace(L, 2);
  }
  lua_pushvalue(L, 1);
  struct counted_source *source = lua_newuserdata(L, sizeof *source);
  source->text = lua_tolstring(L, 1, &source->size);
  lua_pushcclosure(L, read_piece, 2);
  lua_replace(L, 1);
}

static int load_text(lua_State *L) {
  if (is_bytecode(L, 1)) {
    lua_pushnil(L);
    lua_pushliteral(L, "attempt to load bytecode");
    return 2;
  }
  if (lua_isfunction(L, 1)) {
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, read_text, 2);
    lua_replace(L, 1);
  }
  const bool is_long = lua_type(L, 1) == LUA_TSTRING && lua_rawlen(L, 1) > LONG_TEXT;
  if (is_long) read_in_pieces(L);
  lua_pushvalue(L, lua_upvalueindex(is_long ? LOAD : ORIGINAL));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* With Lua's own load on top of the stack. */
static void guard_load(lua_State *L, const char *name) {
  lua_getglobal(L, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, load_text, 2);
  lua_setglobal(L, name);
}

static void remove_global(lua_State *L, const char *name) {
  lua_pushnil(L);
  lua_setglobal(L, name);
}

/* Removes the functions of the base library that reach beyond the VM or this set. */
static void restrict_base(lua_State *L, unsigned set) {
  lua_getglobal(L, "load");
  guard_load(L, "load");
  guard_load(L, "loadstring");
  lua_pop(L, 1);
  if (!(set & VM_LIB_IO)) {
    remove_global(L, "dofile");
    remove_global(L, "loadfile");
  }
  if (!(set & VM_LIB_DEBUG)) {
    remove_global(L, "newproxy");
    remove_global(L, "gcinfo");
  }
}

/* The library is visible with FFI or DEBUG alone. It is opened all the same, because that turns
 * LuaJIT's compiler on. */
static void hide_jit(lua_State *L) {
  remove_global(L, "jit");
  lua_pushloaded(L);
  lua_pushnil(L);
  lua_setfield(L, -2, "jit");
  lua_pop(L, 1);
}

void vm_libraries_open(lua_State *L, unsigned set) {
  if ((set & VM_LIB_ALL) == VM_LIB_ALL) {
    luaL_openlibs(L);
    return;
  }
  static const struct library libraries[] = {
      {VM_LIB_SAFE, "_G", luaopen_base},
      {VM_LIB_SAFE, LUA_COLIBNAME, luaopen_coroutine},
      {VM_LIB_SAFE, LUA_UTF8LIBNAME, luaopen_utf8},
      {VM_LIB_SAFE, LUA_STRLIBNAME, luaopen_string},
      {VM_LIB_SAFE, LUA_TABLIBNAME, luaopen_table},
      {VM_LIB_SAFE, LUA_MATHLIBNAME, luaopen_math},
      {VM_LIB_SAFE, "bit", luaopen_bit},
      {VM_LIB_SAFE, "jit", luaopen_jit},
      {VM_LIB_PACKAGE, LUA_LOADLIBNAME, luaopen_package},
      {VM_LIB_IO, LUA_IOLIBNAME, luaopen_io},
      {VM_LIB_OS, LUA_OSLIBNAME, luaopen_os},
      {VM_LIB_DEBUG, LUA_DBLIBNAME, luaopen_debug},
      {VM_LIB_FFI, "ffi", luaopen_ffi},
  };
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
    if (libraries[i].open && (libraries[i].bit == VM_LIB_SAFE || libraries[i].bit & set)) {
      luaL_requiref(L, libraries[i].name, libraries[i].open, 1);
      lua_pop(L, 1);
    }
  restrict_base(L, set);
  if (!(set & (VM_LIB_FFI | VM_LIB_DEBUG))) hide_jit(L);
}
