/* SPDX-License-Identifier: MIT */
#include "core/settings.h"

#include "os/processors.h"
#include "os/status_text.h"

static const char key[] = "manymoons.settings";

void settings_keep(lua_State *L, int index) {
  lua_pushvalue(L, index);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

/* The key of a thread's settings in the registry: an address inside its record. */
static const void *place_of(const struct vm_thread *t) { return &t->displaced; }

void settings_keep_thread(lua_State *L, int index, const struct vm_thread *t) {
  lua_pushvalue(L, index);
  lua_rawsetp(L, LUA_REGISTRYINDEX, place_of(t));
}

void settings_drop_thread(lua_State *L, const struct vm_thread *t) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, place_of(t));
}

void settings_push(lua_State *L) {
  struct vm *vm = vm_of(L);
  const struct vm_thread *t = vm_self(vm);
  if (t == &vm->main)
    lua_getfield(L, LUA_REGISTRYINDEX, key);
  else
    lua_rawgetp(L, LUA_REGISTRYINDEX, place_of(t));
}

void settings_push_name(lua_State *L) {
  settings_push(L);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, "name");
  lua_remove(L, -2);
}

status settings_allow_processors(lua_State *L, int index) {
  int numbers[PROCESSORS_MAX];
  size_t count = 0;
  const size_t length = lua_rawlen(L, index);
  for (; count < length && count < PROCESSORS_MAX; count++) {
    lua_rawgeti(L, index, (int)count + 1);
    numbers[count] = (int)luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  return processors_allow(numbers, count);
}

void settings_bind_processors(lua_State *L) {
  char text[STATUS_TEXT_MAX];
  settings_push(L);
  lua_getfield(L, -1, "cpus");
  const status st = lua_istable(L, -1) ? settings_allow_processors(L, lua_gettop(L)) : STATUS_OK;
  lua_pop(L, 2);
  if (st) luaL_error(L, "cpus: %s", status_text(st, text));
}

int settings_call(lua_State *L) {
  settings_push(L);
  return 1;
}
