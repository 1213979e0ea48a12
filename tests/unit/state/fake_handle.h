/* SPDX-License-Identifier: MIT */
/* A fake shared object that counts its handles, and its holds by messages. */
#ifndef TESTS_FAKE_HANDLE_H
#define TESTS_FAKE_HANDLE_H

#include "base/check.h"
#include "state/handle.h"

/* The test program has one such object, with this reference. */
enum { FAKE_ID = 7, FAKE_REFERENCE = 4711 };
static int fake_in_flight;
static int fake_handles;
static const char fake_metatable_key;

static int fake_gc(lua_State *L) {
  (void)L;
  fake_handles--;
  return 0;
}

static uint64_t fake_send(lua_State *L, int index) {
  if (!*(int *)lua_touserdata(L, index)) luaL_error(L, "this fake is closed");
  fake_in_flight++;
  return FAKE_REFERENCE;
}

static void fake_push(lua_State *L) {
  int *is_open = lua_newuserdata(L, sizeof *is_open);
  *is_open = 1;
  fake_handles++;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &fake_metatable_key);
  lua_setmetatable(L, -2);
}

static void fake_receive(lua_State *L, const struct handle_type *type, uint64_t reference) {
  (void)type;
  CHECK_EQ(reference, FAKE_REFERENCE);
  fake_push(L);
}

static void fake_drop(uint64_t reference) {
  CHECK_EQ(reference, FAKE_REFERENCE);
  fake_in_flight--;
}

static const struct handle_type fake_type = {
    .name = "Fake", .send = fake_send, .receive = fake_receive, .drop = fake_drop};

static int fake_new(lua_State *L) {
  fake_push(L);
  return 1;
}

static int fake_close(lua_State *L) {
  *(int *)lua_touserdata(L, 1) = 0;
  return 0;
}

/* Registers the type with a VM, and its functions as package.loaded.fake. */
static inline void fake_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"new", fake_new}, {"close", fake_close}, {NULL, NULL}};
  lua_newtable(L);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&fake_type);
  lua_setfield(L, -2, HANDLE_FIELD);
  lua_pushcfunction(L, fake_gc);
  lua_setfield(L, -2, "__gc");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &fake_metatable_key);
  lua_pushloaded(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_setfield(L, -2, "fake");
  lua_pop(L, 1);
  handle_register(L, FAKE_ID, &fake_type);
}

#endif
