/* SPDX-License-Identifier: MIT */
/* A Lua module for tests of the sandbox: raw system calls, and writes to any address. The tests
 * compile it (tests/hosts/a_sandbox_refuses_escapes.sh). */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* number(name) → the number of a system call; nil: this processor has none of that name */
static int number(lua_State *L) {
#define NAMED(name)            {SYS_##name, #name},
#define NUMBERED(name, number) {(number), #name},
  static const struct {
    long number;
    const char *name;
  } calls[] = {
#include "../../vm/os/linux/system_calls.def"
  };
  const char *name = luaL_checkstring(L, 1);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(calls[i].name, name) == 0) {
      lua_pushnumber(L, (lua_Number)calls[i].number);
      return 1;
    }
  return 0;
}

static long argument(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) return (long)(intptr_t)lua_tostring(L, index);
  if (lua_isuserdata(L, index)) return (long)(intptr_t)lua_touserdata(L, index);
  return (long)lua_tonumber(L, index);
}

/* call(number, up to six numbers, strings or userdata) → result; or nil and the text of the error */
static int call(lua_State *L) {
  lua_settop(L, 7);
  const long result = syscall((long)luaL_checknumber(L, 1), argument(L, 2), argument(L, 3), argument(L, 4),
                              argument(L, 5), argument(L, 6), argument(L, 7));
  if (result < 0) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(errno));
    return 2;
  }
  lua_pushnumber(L, (lua_Number)result);
  return 1;
}

/* poke(address): writes a byte there. */
static int poke(lua_State *L) {
  *(volatile unsigned char *)(uintptr_t)luaL_checknumber(L, 1) = 0xff;
  return 0;
}

/* old_call(number): a system call of 32-bit programs, where the processor has them. */
static int old_call(lua_State *L) {
#ifdef __x86_64__
  long result = (long)luaL_checknumber(L, 1);
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
  lua_pushnumber(L, (lua_Number)result);
  return 1;
#else
  (void)L;
  raise(31);
  return 0;
#endif
}

/* buffer(size) → a userdata of zeroes */
static int buffer(lua_State *L) {
  const size_t size = (size_t)luaL_checknumber(L, 1);
  memset(lua_newuserdata(L, size), 0, size);
  return 1;
}

/* text(userdata, size) → its first bytes */
static int text(lua_State *L) {
  lua_pushlstring(L, lua_touserdata(L, 1), (size_t)luaL_checknumber(L, 2));
  return 1;
}

int luaopen_escape(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"number", number}, {"call", call}, {"poke", poke}, {"old_call", old_call},
      {"buffer", buffer}, {"text", text}, {NULL, NULL}};
  lua_newtable(L);
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
