/* SPDX-License-Identifier: MIT */
/* Streams of math.random: each seed and place has its own, a thread that leaves one goes on where the VM was, and
 * threads of one VM do not disturb each other. */
#include "state/random_stream.h"

#include <lauxlib.h>

#include "base/check.h"
#include "state/random_state.h"
#include "state/vm_open.h"

enum { PLACES = 200 };

static double draw(lua_State *L) {
  CHECK_EQ(luaL_dostring(L, "return math.random(0, 2^31 - 2)"), 0);
  const double number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

static void each_place_has_a_stream_that_comes_again(void) {
  double first[PLACES];
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  lua_State *L = vm_lua(vm);
  CHECK(random_stream_is_possible(L));
  for (int i = 0; i < PLACES; i++) {
    random_stream_begin(L, 7, (uint64_t)i);
    first[i] = draw(L);
    random_stream_end(L);
    for (int k = 0; k < i; k++) CHECK(first[k] != first[i]);
  }
  for (int i = PLACES - 1; i >= 0; i--) {
    random_stream_begin(L, 7, (uint64_t)i);
    CHECK(draw(L) == first[i]);
    random_stream_begin(L, 8, (uint64_t)i);
    CHECK(draw(L) != first[i]);
  }
  random_stream_end(L);
  vm_close(vm);
}

static void the_vm_goes_on_behind_a_stream(void) {
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  lua_State *L = vm_lua(vm);
  CHECK_EQ(luaL_dostring(L, "math.randomseed(42)"), 0);
  const double first = draw(L), second = draw(L);
  CHECK_EQ(luaL_dostring(L, "math.randomseed(42)"), 0);
  CHECK(draw(L) == first);
  random_stream_begin(L, 1, 1);
  CHECK_EQ(luaL_dostring(L, "math.randomseed(5)"), 0);
  random_stream_end(L);
  CHECK(draw(L) == second);
  vm_close(vm);
}

static void threads_have_streams_of_their_own(void) {
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  lua_State *L = vm_lua(vm);
  CHECK_EQ(luaL_dostring(L, "math.randomseed(42)"), 0);
  const double vm_first = draw(L), vm_second = draw(L);
  random_stream_begin(L, 1, 1);
  const double first = draw(L), second = draw(L);
  random_stream_end(L);
  CHECK_EQ(luaL_dostring(L, "math.randomseed(42)"), 0);
  struct vm_thread other;
  vm_thread_init(&other, vm, L);
  vm_thread_add(&other);
  random_stream_begin(L, 1, 1);
  CHECK(draw(L) == first);
  random_state_follow(vm, &other); /* which has none */
  CHECK(draw(L) == vm_first);
  random_state_follow(vm, &vm->main);
  CHECK(draw(L) == second);
  random_state_follow(vm, &other);
  random_state_begin(vm, &other);
  vm_thread_remove(&other); /* in its stream */
  CHECK(vm->random.owner == NULL);
  CHECK(draw(L) == vm_second);
  vm_thread_fini(&other);
  random_stream_end(L);
  vm_close(vm);
}

int main(void) {
  each_place_has_a_stream_that_comes_again();
  the_vm_goes_on_behind_a_stream();
  threads_have_streams_of_their_own();
  return 0;
}
