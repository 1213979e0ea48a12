/* SPDX-License-Identifier: MIT */
/* Each allocation of the runtime and of Lua fails in turn: the call ends with an error, nothing
 * leaks, and the next attempt succeeds. */
#include "fake_handle.h"
#include "lua_pair.h"

#include "base/memory.h"
#include "state/globals.h"

/* n: Lua's n-th allocation from now and all later ones fail (5.4 collects garbage and tries again);
 * 0: none. */
static long lua_countdown;

static void *failing_allocator(void *context, void *block, size_t old_size, size_t size) {
  (void)context, (void)old_size;
  if (size == 0) {
    free(block);
    return NULL;
  }
  const bool is_growth = !block || size > old_size;
  if (is_growth && lua_countdown == 1) return NULL;
  if (is_growth && lua_countdown > 1) lua_countdown--;
  return realloc(block, size);
}

static lua_State *open_failing(void) {
  lua_State *L = lua_newstate(failing_allocator, NULL);
  CHECK(L != NULL);
  luaL_openlibs(L);
  fake_open(L);
  transfer_open(L);
  return L;
}

static const char *const sample =
    "local s, n = {1, 2, 3}, 0 local t = {s, s, h = require 'fake'.new(), f = function() n = n + 1 return s "
    "end,\n"
    "p = print, m = math, o = setmetatable({}, string), long = ('x'):rep(1000)}\n"
    "for i = 1, 150 do t = {t, i} end for i = 1, 100 do t[i + 2] = {i} end return t";

enum failing { FAIL_OURS, FAIL_LUA };

/* Without MM_FAULTS the runtime's allocations never fail, and the loops below end at once. */
static void fail_at(enum failing which, long n) {
  if (which == FAIL_LUA) lua_countdown = n;
#if defined(MM_FAULTS)
  if (which == FAIL_OURS) memory_fail_after(n);
#endif
}

/* Uses a new sender, so that its scratch grows again. True: the attempt succeeded. */
static bool encode_with_failure(enum failing which, long n) {
  lua_State *L = open_failing();
  pair_run(L, sample, 0, 1);
  struct bytes *out = NULL;
  fail_at(which, n);
  const bool is_good = transfer_try_encode(L, 1, 1, "value", &out) == LUA_OK;
  fail_at(which, 0);
  CHECK_EQ(fake_in_flight, is_good ? 1 : 0);
  if (is_good) transfer_discard(L, out->data, out->len);
  lua_settop(L, 1);
  CHECK_EQ(transfer_try_encode(L, 1, 1, "value", &out), LUA_OK);
  transfer_discard(L, out->data, out->len);
  lua_close(L);
  return is_good;
}

static bool decode_with_failure(long n) {
  lua_State *sender = open_failing();
  lua_State *L = open_failing();
  pair_run(sender, sample, 0, 1);
  const struct bytes *out = transfer_encode(sender, 1, 1, "value");
  int count;
  lua_countdown = n;
  const bool is_good = transfer_try_decode(L, out->data, out->len, &count) == LUA_OK;
  lua_countdown = 0;
  CHECK_EQ(fake_in_flight, 1);
  transfer_discard(sender, out->data, out->len);
  lua_close(L);
  lua_close(sender);
  return is_good;
}

static int encode_globals(lua_State *L) {
  globals_encode(L, lua_touserdata(L, 1));
  return 0;
}

static bool globals_with_failure(enum failing which, long n) {
  lua_State *L = open_failing();
  pair_run(L, sample, 0, 1);
  lua_setglobal(L, "all");
  pair_run(L, "bad = {coroutine.create(function() end)} function string.trim(s) return s end", 0, 0);
  struct bytes image = {0};
  lua_pushcfunction(L, encode_globals);
  lua_pushlightuserdata(L, &image);
  fail_at(which, n);
  const bool is_good = lua_pcall(L, 1, 0, 0) == LUA_OK;
  fail_at(which, 0);
  CHECK_EQ(fake_in_flight, is_good ? 1 : 0);
  if (is_good) transfer_discard(L, image.data, image.len);
  bytes_fini(&image);
  lua_close(L);
  return is_good;
}

int main(void) {
  for (long n = 1; !encode_with_failure(FAIL_OURS, n); n++) continue;
  for (long n = 1; !globals_with_failure(FAIL_OURS, n); n++) continue;
  for (long n = 1; !encode_with_failure(FAIL_LUA, n); n++) continue;
  for (long n = 1; !decode_with_failure(n); n++) continue;
  for (long n = 1; !globals_with_failure(FAIL_LUA, n); n++) continue;
  CHECK_EQ(fake_handles, 0);
  return 0;
}
