/* SPDX-License-Identifier: MIT */
#include "async/fiber.h"

#include "core/arguments.h"
#include "os/fiber.h"
#include "state/vm_interrupt.h"

static const char key[] = "manymoons.Fiber";

struct lua_fiber {
  struct fiber fiber;
  lua_State *co; /* NULL: the thread's own stack */
  struct lua_fiber *home;
  bool is_done;
  /* State of the thread, saved while it runs another fiber. */
  lua_State *running;
  const struct vm_resume *resume;
  const void *task;
};

static int fiber_gc(lua_State *L) {
  struct lua_fiber *f = lua_touserdata(L, 1);
  fiber_free(&f->fiber);
  return 0;
}

/* Runs on the stack of a fiber. If its function raises, because the VM must stop or is out of
 * memory, the thread's own stack continues. */
static void run(void *argument) {
  struct lua_fiber *f = argument;
  struct vm_thread *t = vm_self(vm_of(f->co));
  atomic_store(&t->running, f->co);
  t->resume = NULL;
  t->task = NULL;
  const int failed = lua_pcall(f->co, 0, 1, 0);
  struct lua_fiber *next = failed ? f->home : lua_touserdata(f->co, -1);
  lua_settop(f->co, 0);
  f->is_done = true;
  fiber_leave(&f->fiber, &next->fiber);
}

int fiber_new(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  struct lua_fiber *home = co ? luaL_checkudata(L, 2, key) : NULL;
  struct lua_fiber *f = lua_newuserdata(L, sizeof *f);
  *f = (struct lua_fiber){.co = co, .home = home};
  if (luaL_newmetatable(L, key)) {
    lua_pushcfunction(L, fiber_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  if (!co) {
    fiber_adopt(&f->fiber);
    return 1;
  }
  const status st = fiber_make(&f->fiber, run, f);
  return st ? return_failure(L, st) : 1;
}

int fiber_switch_call(lua_State *L) {
  struct lua_fiber *from = luaL_checkudata(L, 1, key);
  struct lua_fiber *to = luaL_checkudata(L, 2, key);
  luaL_argcheck(L, !to->is_done && to != from, 2, "a fiber that can go on expected");
  struct vm *vm = vm_of(L);
  struct vm_thread *t = vm_self(vm);
  from->running = atomic_load(&t->running);
  from->resume = t->resume;
  from->task = t->task;
  fiber_switch(&from->fiber, &to->fiber);
  atomic_store(&t->running, from->running);
  t->resume = from->resume;
  t->task = from->task;
  if (vm_must_stop(vm)) vm_raise_stop(L, vm);
  return 0;
}
