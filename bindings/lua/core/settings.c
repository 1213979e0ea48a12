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

void settings_bind_processors(lua_State *L) {
  int numbers[PROCESSORS_MAX];
  char text[STATUS_TEXT_MAX];
  size_t count = 0;
  settings_push(L);
  lua_getfield(L, -1, "cpus");
  if (lua_istable(L, -1)) count = lua_rawlen(L, -1);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, (int)i + 1);
    numbers[i] = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
  const status st = count > 0 ? processors_allow(numbers, count) : STATUS_OK;
  if (st) luaL_error(L, "cpus: %s", status_text(st, text));
}

int settings_call(lua_State *L) {
  settings_push(L);
  return 1;
}
