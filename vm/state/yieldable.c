/* SPDX-License-Identifier: MIT */
/* PUC 5.1 counts the C calls of a coroutine, now and at its resume (nCcalls and baseCcalls of
 * lstate.h, two adjacent shorts). The coroutine cannot yield if the first is larger. Their offset
 * is found by comparing the memory of a coroutine at known depths of calls. If it is not found, no
 * coroutine counts as yieldable.
 */
#include "state/yieldable.h"

#include <stdatomic.h>
#include <string.h>

enum { COUNTS = 64, DEPTHS = 3, UNKNOWN = -1 };

struct look {
  uint16_t counts[DEPTHS][COUNTS]; /* the first bytes of the lua_State, at each depth of calls */
};

static _Atomic int place = UNKNOWN; /* the offset of nCcalls in shorts, the same in all states */

static int look_deeper(lua_State *L) {
  struct look *look = lua_touserdata(L, 1);
  const int depth = (int)lua_tointeger(L, 2);
  memcpy(look->counts[depth], L, sizeof look->counts[depth]);
  if (depth + 1 == DEPTHS) return 0;
  lua_pushcfunction(L, look_deeper);
  lua_pushlightuserdata(L, look);
  lua_pushinteger(L, depth + 1);
  lua_call(L, 2, 0);
  return 0;
}

static bool is_place(const struct look *look, int at) {
  for (int depth = 0; depth < DEPTHS; depth++)
    if (look->counts[depth][at] != 1 + depth || look->counts[depth][at + 1] != 1) return false;
  return true;
}

void yieldable_prepare(lua_State *L) {
  if (lua_tells_yieldable() || atomic_load(&place) != UNKNOWN) return;
  struct look look;
  lua_State *co = lua_newthread(L);
  lua_pushcfunction(co, look_deeper);
  lua_pushlightuserdata(co, &look);
  lua_pushinteger(co, 0);
  int found = UNKNOWN, matches = 0, results = 0;
  if (lua_resume_from(co, L, 2, &results) == LUA_OK) {
    for (int at = 0; at + 1 < COUNTS; at++) {
      if (!is_place(&look, at)) continue;
      found = at;
      matches++;
    }
  }
  if (matches == 1) atomic_store(&place, found);
  lua_pop(L, 1);
}

bool yieldable(lua_State *L) {
  if (lua_tells_yieldable()) return lua_isyieldable(L);
  const int at = atomic_load(&place);
  if (at == UNKNOWN) return false;
  uint16_t counts[2];
  memcpy(counts, (const uint16_t *)(const void *)L + at, sizeof counts);
  return counts[0] <= counts[1] && counts[1] > 0;
}
