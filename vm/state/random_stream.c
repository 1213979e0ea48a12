/* SPDX-License-Identifier: MIT */
#include "state/random_stream.h"

#include "os/libc_random.h"
#include "state/random.h"
#include "state/random_state.h"
#include "state/vm.h"

/* ---- the generator --------------------------------------------------------------------------- */

/* Of the function on top, which seeds. */
static enum vm_random_source source_of(lua_State *L, struct vm_random *r) {
  if (!lua_iscfunction(L, -1)) return RANDOM_IS_NONE;
  if (!lua_getupvalue(L, -1, 1)) {
    if (LUA_HAS_OWN_RANDOM || lua_is_jit() || !libc_random_has_process()) return RANDOM_IS_NONE;
    r->size = sizeof(int32_t) * LIBC_RANDOM_WORDS;
    return RANDOM_IS_OF_PROCESS;
  }
  r->live = lua_touserdata(L, -1);
  r->size = r->live ? lua_rawlen(L, -1) : 0;
  return r->size > 0 && r->size <= RANDOM_STATE_MAX ? RANDOM_IS_OF_VM : RANDOM_IS_NONE;
}

static enum vm_random_source find_source(lua_State *L, struct vm *vm) {
  struct vm_random *r = &vm->random;
  if (r->source != RANDOM_IS_UNKNOWN) return r->source;
  const int top = lua_gettop(L);
  luaL_checkstack(L, 4, "no room to find math.random");
  random_push_seeder(L);
  r->source = source_of(L, r);
  lua_settop(L, top);
  return r->source;
}

/* ---- seeding --------------------------------------------------------------------------------- */

static const uint64_t step = 0x9e3779b97f4a7c15;

/* The output function of SplitMix64. */
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/* Word i of a stream. For one seed each place has another key. */
static uint64_t key_of(uint64_t seed, uint64_t place) { return mix(mix(seed + step) + place * step); }
static uint64_t word(uint64_t key, uint64_t i) { return mix(key + (i + 1) * step); }

static void seed_by_call(lua_State *L, uint64_t key) {
  luaL_checkstack(L, 4, "no room to seed random numbers");
  random_push_seeder(L);
  if (LUA_HAS_OWN_RANDOM) {
    lua_pushwhole(L, (int64_t)word(key, 0));
    lua_pushwhole(L, (int64_t)word(key, 1));
    lua_call(L, 2, 0);
    return;
  }
  lua_pushnumber(L, (lua_Number)(word(key, 0) >> 11)); /* what a double holds exactly */
  lua_call(L, 1, 0);
}

static void seed_with_words(struct vm_random *r, uint64_t key) {
  int32_t words[LIBC_RANDOM_WORDS];
  for (int i = 0; i < LIBC_RANDOM_WORDS; i++) words[i] = (int32_t)(word(key, (uint64_t)i) >> 32);
  if (r->source == RANDOM_IS_OF_VM)
    libc_random_set(r->live, words);
  else
    libc_random_set_process(words);
}

static void seed(lua_State *L, struct vm_random *r, uint64_t key) {
  if (LUA_HAS_OWN_RANDOM || lua_is_jit())
    seed_by_call(L, key);
  else
    seed_with_words(r, key);
}

/* ---- for other files ------------------------------------------------------------------------- */

bool random_stream_is_possible(lua_State *L) {
  luaL_checkstack(L, 2, "no room to find math.random");
  random_push_seeder(L);
  const bool has_math = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return !has_math || find_source(L, vm_of(L)) != RANDOM_IS_NONE;
}

void random_stream_begin(lua_State *L, uint64_t seed_number, uint64_t place) {
  struct vm *vm = vm_of(L);
  struct vm_thread *t = vm_self(vm);
  if (find_source(L, vm) == RANDOM_IS_NONE) return;
  random_state_begin(vm, t);
  seed(L, &vm->random, key_of(seed_number, place));
}

void random_stream_end(lua_State *L) {
  struct vm *vm = vm_of(L);
  random_state_end(vm, vm_self(vm));
}

/* Pushes the state of the caller's stream, or nil. */
static void push_state(lua_State *L, struct vm *vm) {
  uint8_t state[RANDOM_STATE_MAX];
  if (!vm_self(vm)->has_stream) {
    lua_pushnil(L);
    return;
  }
  random_state_read(&vm->random, state);
  lua_pushlstring(L, (const char *)state, vm->random.size);
}

int random_begin_call(lua_State *L) {
  const uint64_t seed_number = (uint64_t)(int64_t)luaL_checknumber(L, 1);
  const uint64_t place = (uint64_t)luaL_checknumber(L, 2);
  push_state(L, vm_of(L));
  random_stream_begin(L, seed_number, place);
  return 1;
}

int random_swap_call(lua_State *L) {
  struct vm *vm = vm_of(L);
  struct vm_thread *t = vm_self(vm);
  const char *state = lua_tostring(L, 1);
  push_state(L, vm);
  if (!state) {
    random_state_end(vm, t);
    return 1;
  }
  random_state_begin(vm, t);
  random_state_write(&vm->random, (const uint8_t *)state);
  return 1;
}

int random_is_possible_call(lua_State *L) {
  lua_pushboolean(L, random_stream_is_possible(L));
  return 1;
}
