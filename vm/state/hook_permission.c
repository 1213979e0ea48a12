/* SPDX-License-Identifier: MIT */
#include "state/hook_permission.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <string.h>

enum { BYTES = LUA_STATE_BYTES, UNKNOWN = -1 };

enum { OUTSIDE, INSIDE, OUTSIDE_AGAIN, LOOKS };

struct look {
  uint8_t bytes[LOOKS][BYTES];
};

static _Atomic int place = UNKNOWN; /* the offset of the flag, the same in all states */

static const char look_key = 'l'; /* its address is the key; never written */

static struct look *look_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &look_key);
  struct look *look = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return look;
}

static void look_from_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  memcpy(look_of(L)->bytes[INSIDE], L, BYTES);
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

static int look_around(lua_State *L) {
  struct look *look = look_of(L);
  memcpy(look->bytes[OUTSIDE], L, BYTES);
  lua_sethook(L, look_from_hook, LUA_MASKCALL, 0);
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
  lua_sethook(L, NULL, 0, 0);
  memcpy(look->bytes[OUTSIDE_AGAIN], L, BYTES);
  return 0;
}

/* UNKNOWN: no byte, or more than one, is 1 except in the hook. */
static int find_place(const struct look *look) {
  int found = UNKNOWN, matches = 0;
  for (int at = 0; at < BYTES; at++) {
    if (look->bytes[OUTSIDE][at] != 1 || look->bytes[INSIDE][at] != 0 || look->bytes[OUTSIDE_AGAIN][at] != 1)
      continue;
    found = at;
    matches++;
  }
  return matches == 1 ? found : UNKNOWN;
}

void hook_permission_prepare(lua_State *L) {
  if (lua_is_jit() || atomic_load(&place) != UNKNOWN) return;
  struct look look;
  lua_State *co = lua_newthread(L);
  lua_pushlightuserdata(L, &look);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &look_key);
  lua_pushcfunction(co, look_around);
  int results = 0;
  if (lua_resume_from(co, L, 0, &results) == LUA_OK) atomic_store(&place, find_place(&look));
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &look_key);
  lua_pop(L, 1);
}

bool hook_permission_is_off(lua_State *L) {
  const int at = atomic_load_explicit(&place, memory_order_relaxed);
  return at != UNKNOWN && ((const volatile uint8_t *)(const void *)L)[at] == 0;
}

void hook_permission_grant(lua_State *L) {
  const int at = atomic_load_explicit(&place, memory_order_relaxed);
  if (at != UNKNOWN) ((volatile uint8_t *)(void *)L)[at] = 1;
}
