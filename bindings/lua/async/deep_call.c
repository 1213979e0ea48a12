/* SPDX-License-Identifier: MIT */
/* The frame of deep_call stands on the caller's stack until the function has returned, and owns both fibers. A caller
 * that is given up while it waits in the function keeps its stacks, as other fibers that stand in the middle do
 * (os/fiber.h). */
#include "async/deep_call.h"

#include "core/arguments.h"
#include "os/fiber.h"
#include "state/vm.h"
#include "state/vm_thread.h"

struct deep_call {
  struct fiber here;
  struct fiber there;
  lua_State *co;
  int arguments;
  int failed; /* Lua's code */
};

static void run(void *argument) {
  struct deep_call *call = argument;
  struct vm_thread *t = vm_self(vm_of(call->co));
  atomic_store(&t->running, call->co);
  t->resume = NULL;
  call->failed = lua_pcall(call->co, call->arguments, 0, 0);
  fiber_leave(&call->there, &call->here);
}

/* What the thread runs is another coroutine meanwhile. */
static void switch_there(lua_State *L, struct deep_call *call) {
  struct vm_thread *t = vm_self(vm_of(L));
  lua_State *running = atomic_load(&t->running);
  const struct vm_resume *resume = t->resume;
  const void *task = t->task;
  fiber_switch(&call->here, &call->there);
  atomic_store(&t->running, running);
  t->resume = resume;
  t->task = task;
  lua_become_current(L);
}

int deep_call(lua_State *L) {
  struct deep_call call = {.arguments = lua_gettop(L) - 1};
  call.co = lua_newthread(L);
  lua_insert(L, 1);
  luaL_checkstack(call.co, call.arguments + 1, "too many arguments");
  lua_xmove(L, call.co, call.arguments + 1);
  fiber_adopt(&call.here);
  const status st = fiber_make(&call.there, run, &call);
  if (st) {
    return_failure(L, st);
    return luaL_error(L, "no stack for a call: %s", lua_tostring(L, -1));
  }
  switch_there(L, &call);
  fiber_free(&call.there);
  if (!call.failed) return 0;
  lua_xmove(call.co, L, 1);
  return lua_error(L);
}
