/* SPDX-License-Identifier: MIT */
/* The guard of a handler is kept as long as the handler, in a table with weak keys. In Lua 5.1 such an entry would keep
 * its own key: there a guard is made for each call. */
#include "state/message_handlers.h"

#include <lauxlib.h>
#include <string.h>

#include "state/caller.h"
#include "state/hook_permission.h"
#include "state/originals.h"
#include "state/vm_interrupt.h"
#include "state/weak_table.h"

/* Its name marks code of this library (vm_interrupt.c, is_one_step). */
#define CHUNK "=manymoons/state/message_handlers"

static const char maker[] =
    "local must_stop = ...\n"
    "return function(handler)\n"
    "  return function(err)\n"
    "    if must_stop() then return err end\n"
    "    return handler(err)\n"
    "  end\n"
    "end\n";

enum { MAKER = 1, GUARDS = 2 }; /* upvalues of xpcall */

static int must_stop(lua_State *L) {
  struct vm *vm = vm_of(L);
  const bool is_in_hook = vm && vm_self(vm)->grace.is_late && hook_permission_is_off(L);
  lua_pushboolean(L, vm && (is_in_hook || vm_should_stop(vm)));
  return 1;
}

/* Pushes the function that makes guards. Few programs need one: it is compiled then. [-0, +1, memory] */
static void push_maker(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(MAKER));
  if (lua_isfunction(L, -1)) return;
  lua_pop(L, 1);
  if (luaL_loadbuffer(L, maker, sizeof maker - 1, CHUNK)) lua_error(L);
  lua_pushcfunction(L, must_stop);
  lua_call(L, 1, 1);
  lua_pushvalue(L, -1);
  lua_replace(L, lua_upvalueindex(MAKER));
}

/* Replaces the handler at index 2 by its guard. [-0, +0, memory] */
static void guard_handler(lua_State *L) {
  if (!lua_isfunction(L, 2) || lua_iscfunction(L, 2)) return;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(GUARDS));
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    push_maker(L);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    if (LUA_HAS_EPHEMERONS) {
      lua_pushvalue(L, 2);
      lua_pushvalue(L, -2);
      lua_rawset(L, lua_upvalueindex(GUARDS));
    }
  }
  lua_replace(L, 2);
}

/* What xpcall returns: true and the results, above the function's `before` values; or false and the error. */
static int finish(lua_State *L, int code, int before) {
  if (code == LUA_OK || code == LUA_YIELD) return lua_gettop(L) - before;
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

#if LUA_HAS_CONTINUATIONS

static int go_on(lua_State *L, int code, lua_KContext before) { return finish(L, code, (int)before); }

/* xpcall(f, handler, …), as in Lua. [-n, +m, raises only for a wrong argument] */
static int guarded_xpcall(lua_State *L) {
  enum { BEFORE = 2 }; /* f and the handler; then true, f and the arguments */
  luaL_checktype(L, 2, LUA_TFUNCTION);
  guard_handler(L);
  const int arguments = lua_gettop(L) - 2;
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return go_on(L, lua_pcallk(L, arguments, LUA_MULTRET, 2, BEFORE, go_on), BEFORE);
}

#else

/* xpcall(f, handler), as in Lua 5.1. [-2, +m, raises only for a wrong argument] */
static int guarded_xpcall(lua_State *L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  guard_handler(L);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  return finish(L, lua_pcall(L, 0, LUA_MULTRET, 2), 2);
}

#endif

void message_handlers_guard(lua_State *L) {
  lua_getglobal(L, "xpcall");
  const bool is_standard = lua_iscfunction(L, -1);
  lua_pop(L, 1);
  if (lua_is_jit() || !is_standard) return;
  lua_pushnil(L);
  weak_table_push(L, "k", 0);
  lua_pushcclosure(L, guarded_xpcall, 2);
  lua_setglobal(L, "xpcall");
}

/* Pops a function: whether it is one of those that load a chunk. */
static bool is_loader(lua_State *L) {
  static const char *const loaders[] = {"load", "loadfile", "loadstring"};
  bool is = false;
  for (size_t i = 0; !is && i < sizeof loaders / sizeof *loaders; i++) {
    originals_push(L, "_G", loaders[i]);
    is = lua_rawequal(L, -1, -2) && !lua_isnil(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return is;
}

bool message_handlers_is_caught(lua_State *L, int level) {
  lua_Debug ar;
  if (!lua_checkstack(L, 6)) return false;
  for (const int end = level + CALLER_LEVELS; level < end && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sf", &ar);
    if (*ar.what == 'C' && is_loader(L)) return true;
    if (*ar.what != 'C') lua_pop(L, 1);
    if (strncmp(ar.source, "=manymoons/", 11) == 0)
      return false; /* what the library calls is protected there */
  }
  return false;
}
