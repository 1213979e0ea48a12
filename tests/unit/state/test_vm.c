/* SPDX-License-Identifier: MIT */
/* VMs: isolation, memory accounting, closing in any order, interruption from another thread, and no
 * leaks.
 *
 * test_vm [COUNT] makes COUNT VMs (default 300); tests/hosts/valgrind.sh runs it under valgrind.
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/signals.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"
#include "state/vm_open.h"

enum { AT_ONCE = 16 };

static void run(struct vm *vm, const char *text) { CHECK_EQ(luaL_dostring(vm_lua(vm), text), 0); }

static long long number_of(struct vm *vm, const char *global) {
  lua_getglobal(vm_lua(vm), global);
  const long long number = (long long)lua_tonumber(vm_lua(vm), -1);
  lua_pop(vm_lua(vm), 1);
  return number;
}

static void vms_share_nothing(void) {
  struct vm *a = NULL;
  struct vm *b = NULL;
  CHECK_EQ(vm_open(&a, NULL), STATUS_OK);
  vm_leave(a);
  CHECK_EQ(vm_open(&b, NULL), STATUS_OK);
  run(b, "x = 2");
  vm_leave(b);
  vm_enter(a);
  run(a, "x = (x or 0) + 1");
  CHECK_EQ(number_of(a, "x"), 1);
  vm_close(a);
  vm_enter(b);
  CHECK_EQ(number_of(b, "x"), 2);
  vm_close(b);
}

static void reaching_the_memory_limit_is_an_error_that_the_vm_survives(void) {
  struct vm *vm = NULL;
  const struct vm_options options = {.memory_limit = 1100000};
  CHECK_EQ(vm_open(&vm, &options), STATUS_OK);
  const size_t used = vm_memory_of(vm).used;
  CHECK(used > 5000 && used < 100000);
  run(vm, "collectgarbage() collectgarbage()");
  run(vm, "for i = 1, 20 do big = ('x'):rep(100000) .. i; big = nil; collectgarbage() end");
  CHECK(luaL_dostring(vm_lua(vm), "big = ('x'):rep(2000000)") != 0);
  CHECK(strstr(lua_tostring(vm_lua(vm), -1), "memory") != NULL);
  run(vm, "small = ('x'):rep(1000)");
  CHECK(vm_of(vm_lua(vm)) == vm);
  vm_close(vm);
}

static void vms_are_closed_in_any_order(int count) {
  struct vm *vms[AT_ONCE] = {0};
  unsigned seed = 1;
  for (int i = 0; i < count; i++) {
    const size_t place = (seed = seed * 1103515245 + 12345) >> 16 & (AT_ONCE - 1);
    if (vms[place]) {
      vm_enter(vms[place]);
      vm_close(vms[place]);
    }
    CHECK_EQ(vm_open(&vms[place], NULL), STATUS_OK);
    run(vms[place], "t = setmetatable({}, {__index = string}) s = t.rep('x', 10)");
    vm_leave(vms[place]);
  }
  for (size_t i = 0; i < AT_ONCE; i++) {
    if (!vms[i]) continue;
    vm_enter(vms[i]);
    vm_close(vms[i]);
  }
}

#if !defined(__SANITIZE_THREAD__) /* it delays signals until a system call, so they reach no loop */

struct runner {
  struct vm *vm;
  const char *text;
  _Atomic int phase; /* 0: starting, 1: the VM is open, 2: ended */
  int failed;
  struct thread thread;
};

static void runner_main(void *argument) {
  struct runner *r = argument;
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  vm_bind_thread(vm);
  signals_let_interrupts_in();
  r->vm = vm;
  CHECK_EQ(luaL_loadstring(vm_lua(vm), r->text), 0);
  atomic_store(&r->phase, 1);
  r->failed = lua_pcall(vm_lua(vm), 0, 0, 0);
  vm_end_stops(vm);
  vm_leave(vm);
  atomic_store(&r->phase, 2);
}

/* Interrupts until the loop ends; the loop itself never ends. */
static void a_tight_loop_is_interrupted(const char *text) {
  struct runner r = {.text = text};
  CHECK_EQ(thread_start(&r.thread, runner_main, &r, "runner"), STATUS_OK);
  while (atomic_load(&r.phase) == 0) cpu_relax();
  while (atomic_load(&r.phase) == 1) vm_interrupt(r.vm, VM_STOP_TERMINATE);
  thread_join(&r.thread);
  CHECK(r.failed != 0);
  vm_enter(r.vm);
  vm_close(r.vm);
}

static void loops_of_all_kinds_are_interrupted(void) {
  a_tight_loop_is_interrupted("while true do end");
  a_tight_loop_is_interrupted("while true do pcall(function() while true do end end) end");
#if LUA_VERSION_NUM >= 504
  a_tight_loop_is_interrupted(
      "local co = coroutine.wrap(function() while true do end end) while true do co() end");
  a_tight_loop_is_interrupted(
      "while true do coroutine.resume(coroutine.create(function() pcall(coroutine.yield) end)) end");
#endif
}

#else

static void loops_of_all_kinds_are_interrupted(void) {}

#endif

static bool is_luajit(void) {
  struct vm *vm = NULL;
  CHECK_EQ(vm_open(&vm, NULL), STATUS_OK);
  lua_getglobal(vm_lua(vm), "jit");
  const bool is_jit = !lua_isnil(vm_lua(vm), -1);
  vm_close(vm);
  return is_jit;
}

int main(int argc, char **argv) {
  vms_share_nothing();
  reaching_the_memory_limit_is_an_error_that_the_vm_survives();
  vms_are_closed_in_any_order(argc > 1 ? atoi(argv[1]) : 300);
  if (!is_luajit()) loops_of_all_kinds_are_interrupted(); /* compiled loops run no hooks */
  return 0;
}
