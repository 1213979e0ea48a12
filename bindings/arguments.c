/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "os/clock.h"
#include "state/vm_interrupt.h"

deadline argument_timeout(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return deadline_never();
  const lua_Number seconds = luaL_checknumber(L, index);
  if (seconds != seconds) luaL_argerror(L, index, "a timeout in seconds expected, got nan");
  return deadline_after(seconds);
}

int return_failure(lua_State *L, status st) {
  char text[STATUS_TEXT_MAX];
  lua_pushnil(L);
  lua_pushstring(L, status_text(st, text));
  return 2;
}

int return_status(lua_State *L, status st) {
  if (st) return return_failure(L, st);
  lua_pushboolean(L, 1);
  return 1;
}

static const double slice_seconds = 0.05;

static bool push_tender(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_TENDER);
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

deadline wait_slice(lua_State *L, deadline until) {
  if (!push_tender(L)) return until;
  lua_pop(L, 1);
  return deadline_earlier(until, deadline_after(slice_seconds));
}

static void tend(lua_State *L) {
  if (push_tender(L) && lua_pcall(L, 0, 0, 0)) lua_pop(L, 1);
}

bool is_wait_unfinished(lua_State *L, struct vm *vm, status st, deadline until) {
  if (st == STATUS_INTERRUPTED) return !vm_should_stop(vm);
  if (st != STATUS_TIMEOUT || deadline_passed(until)) return false;
  tend(L);
  return true;
}

void raise_if_stopped(lua_State *L, struct vm *vm, status st) {
  if (st == STATUS_INTERRUPTED && vm_should_stop(vm)) vm_raise_stop(L, vm);
}

static int handle_tostring(lua_State *L) {
  lua_pushfstring(L, "%s: %p", lua_tostring(L, lua_upvalueindex(1)), lua_touserdata(L, 1));
  return 1;
}

static void set_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

void class_register(lua_State *L, const struct handle_class *class) {
  if (!luaL_newmetatable(L, class->key)) {
    lua_pop(L, 1);
    return;
  }
  lua_newtable(L);
  luaL_setfuncs(L, class->methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, class->name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, class->name);
  lua_pushcclosure(L, handle_tostring, 1);
  lua_setfield(L, -2, "__tostring");
  set_function(L, "__gc", class->close);
  set_function(L, "__close", class->close);
  lua_pop(L, 1);
}

void *class_check(lua_State *L, int index, const struct handle_class *class) {
  return luaL_checkudata(L, index, class->key);
}
