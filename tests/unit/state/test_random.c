/* SPDX-License-Identifier: MIT */
/* The random numbers of new VMs: none repeats another one's, and a seed gives those of a stock Lua. */
#include "state/random.h"

#include <lauxlib.h>

#include "base/check.h"
#include "state/vm_open.h"

enum { VMS = 100, DRAWS = 20 };

static double draw(lua_State *L) {
  CHECK_EQ(luaL_dostring(L, "return math.random(0, 2^31 - 2)"), 0);
  const double number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* One after the other, so that they may have the same address. */
static void vms_of_one_moment_draw_different_numbers(void) {
  double first[VMS], second[VMS];
  for (int i = 0; i < VMS; i++) {
    struct vm *vm = NULL;
    CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
    first[i] = draw(vm_lua(vm));
    second[i] = draw(vm_lua(vm));
    vm_close(vm);
    for (int k = 0; k < i; k++) CHECK(first[k] != first[i] || second[k] != second[i]);
  }
}

/* And another VM that draws meanwhile changes nothing. */
static void a_seed_gives_the_numbers_of_a_stock_lua(void) {
  double wanted[DRAWS];
  lua_State *stock = luaL_newstate();
  luaL_openlibs(stock);
  CHECK_EQ(luaL_dostring(stock, "math.randomseed(42)"), 0);
  for (int i = 0; i < DRAWS; i++) wanted[i] = draw(stock);
  lua_close(stock);
  struct vm *vm = NULL;
  struct vm *other = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  CHECK_EQ(luaL_dostring(vm_lua(vm), "math.randomseed(42)"), 0);
  vm_leave(vm);
  for (int i = 0; i < DRAWS; i++) {
    CHECK_EQ(vm_open(&other, NULL), STATUS_OK);
    CHECK_EQ(luaL_dostring(vm_lua(other), "math.randomseed(7) math.random()"), 0);
    vm_close(other);
    vm_enter(vm);
    CHECK(draw(vm_lua(vm)) == wanted[i]);
    vm_leave(vm);
  }
  vm_enter(vm);
  vm_close(vm);
}

static void a_vm_that_is_seeded_again_begins_elsewhere(void) {
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  lua_State *L = vm_lua(vm);
  CHECK_EQ(luaL_dostring(L, "seed = math.randomseed math.randomseed = error seed(42)"), 0);
  const double first = draw(L), second = draw(L);
  CHECK_EQ(luaL_dostring(L, "seed(42)"), 0);
  const int top = lua_gettop(L);
  random_reseed(L);
  CHECK_EQ(lua_gettop(L), top);
  CHECK(draw(L) != first || draw(L) != second);
  vm_close(vm);
}

int main(void) {
  vms_of_one_moment_draw_different_numbers();
  a_seed_gives_the_numbers_of_a_stock_lua();
  a_vm_that_is_seeded_again_begins_elsewhere();
  return 0;
}
