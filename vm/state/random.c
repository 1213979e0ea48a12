/* SPDX-License-Identifier: MIT */
#include "state/random.h"

#include <string.h>

#include "os/crypto.h"
#include "os/libc_random.h"
#include "state/random_state.h"
#include "state/vm.h"

static const char seeder_key = 'r'; /* its address is the key; never written */

/* ---- the functions of PUC 5.1 and 5.3, with a state of the VM -------------------------------- */

enum { UPVALUE_STATE = 1 };

static struct libc_random *state_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(UPVALUE_STATE));
}

/* 0 … 1, without 1. */
static double next_fraction(lua_State *L) {
  const double number = libc_random_next(state_of(L));
  const double most = INT32_MAX; /* RAND_MAX */
  return LUA_HAS_INTEGERS ? number * (1.0 / (most + 1)) : (number == most ? 0 : number) / most;
}

/* A whole number from `low` to `high`. */
static int push_between(lua_State *L, double fraction, lua_Integer low, lua_Integer high) {
  luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
  luaL_argcheck(L, low >= 0 || high <= INT64_MAX + low, lua_gettop(L), "interval too large");
  lua_pushwhole(L, (int64_t)(fraction * ((double)(high - low) + 1)) + low);
  return 1;
}

/* math.random(low, high) */
static int random_call(lua_State *L) {
  const double fraction = next_fraction(L);
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, fraction); return 1;
    case 1: return push_between(L, fraction, 1, luaL_checkinteger(L, 1));
    case 2: return push_between(L, fraction, luaL_checkinteger(L, 1), luaL_checkinteger(L, 2));
    default: return luaL_error(L, "wrong number of arguments");
  }
}

/* math.randomseed(number) */
static int randomseed_call(lua_State *L) {
  const lua_Number number = luaL_checknumber(L, 1);
  libc_random_seed(state_of(L), (unsigned)(int64_t)number);
  if (LUA_HAS_INTEGERS) (void)libc_random_next(state_of(L)); /* as 5.3 does */
  return 0;
}

/* Sets both functions in the table on top of the stack. [-0, +0, raises] */
static void set_own_functions(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"random", random_call}, {"randomseed", randomseed_call}, {NULL, NULL}};
  if (libc_random_init(lua_newuserdata(L, sizeof(struct libc_random)))) luaL_error(L, "no random bytes");
  luaL_setfuncs(L, functions, 1);
}

/* ---- seeding --------------------------------------------------------------------------------- */

/* Pushes as many numbers as math.randomseed takes. */
static int push_seed(lua_State *L) {
  uint64_t bits[2];
  if (crypto_random(bits, sizeof bits)) luaL_error(L, "no random bytes");
  if (LUA_HAS_OWN_RANDOM) {
    lua_pushwhole(L, (int64_t)bits[0]);
    lua_pushwhole(L, (int64_t)bits[1]);
    return 2;
  }
  const int shift = lua_is_jit() ? 11 : 33; /* what a double holds exactly, and an int */
  lua_pushnumber(L, (lua_Number)(bits[0] >> shift));
  return 1;
}

void random_push_seeder(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &seeder_key); }

void random_reseed(lua_State *L) {
  luaL_checkstack(L, 4, "no room to seed random numbers");
  random_push_seeder(L);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  struct vm *vm = vm_of(L);
  random_state_forget(vm, vm_self(vm));
  lua_call(L, push_seed(L), 0);
}

/* Pushes package.loaded.math. False: it is no table. */
static bool push_math(lua_State *L) {
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_MATHLIBNAME);
  lua_remove(L, -2);
  return lua_istable(L, -1);
}

void random_keep(lua_State *L) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 4, "no room to look at math");
  random_push_seeder(L);
  if (lua_isnil(L, -1) && push_math(L)) {
    lua_getfield(L, -1, "randomseed");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &seeder_key);
  }
  lua_settop(L, top);
}

void random_open(lua_State *L) {
  const int top = lua_gettop(L);
  if (!LUA_HAS_OWN_RANDOM && !lua_is_jit() && push_math(L)) set_own_functions(L);
  lua_settop(L, top);
  random_keep(L);
  if (LUA_HAS_OWN_RANDOM || lua_is_jit()) random_reseed(L);
}
