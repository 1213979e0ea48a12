/* SPDX-License-Identifier: MIT */
/* collectgarbage, and reading source. */
#include <string.h>

#include "state/counted.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"

/* A cycle that has begun keeps what has become garbage since; the next one frees it. */
void counted_collect(lua_State *L) {
  enum { CYCLES = 2 };
  struct vm *vm = vm_of(L);
  for (int cycle = 0; cycle < CYCLES; cycle++)
    while (!lua_gc(L, LUA_GCSTEP, 0)) vm_look_up(L, vm);
}

/* Upvalue: Lua's own collectgarbage. A VM that pauses collects in steps; (option, …) */
static int collectgarbage(lua_State *L) {
  const bool is_whole = lua_isnoneornil(L, 1) || strcmp(luaL_checkstring(L, 1), "collect") == 0;
  if (is_whole && vm_of(L)->polling.pause) {
    counted_collect(L);
    lua_pushinteger(L, 0);
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

const char *counted_read(lua_State *L, void *context, size_t *size) {
  enum { PIECE = 4096 };
  struct counted_source *source = context;
  vm_look_up(L, vm_of(L));
  *size = source->size < PIECE ? source->size : PIECE;
  const char *piece = source->text;
  source->text += *size;
  source->size -= *size;
  return *size ? piece : NULL;
}

void counted_install(lua_State *L) {
  counted_install_strings(L);
  counted_install_tables(L);
  lua_getglobal(L, "collectgarbage");
  lua_pushcclosure(L, collectgarbage, 1);
  lua_setglobal(L, "collectgarbage");
}
