/* SPDX-License-Identifier: MIT */
#include "worker/thread_run.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/arguments.h"
#include "core/failure.h"
#include "core/settings.h"
#include "locks/held_locks.h"
#include "os/process.h"
#include "os/signals.h"
#include "queues/local_queue.h"
#include "shared/segment.h"
#include "state/caller.h"
#include "state/coroutines.h"
#include "state/library.h"
#include "state/stop_point.h"
#include "state/vm_interrupt.h"
#include "worker/worker_run.h"

/* ---- once for each VM that has threads ------------------------------------------------------- */

static void prepare_vm(lua_State *L) REQUIRES(rank_vm) {
  static const char key[] = "manymoons.threads";
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  const bool is_done = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (is_done) return;
  if (vm_prepare_threads(vm_of(L))) hooks_install(L);
  stops_prepare(L);
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static int start_here(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  STOP_POINT("thread.begins");
  if (vm_should_stop(vm)) vm_raise_stop(L, vm);
  settings_bind_processors(L);
  caller_run(L);
  return 0;
}

static int run(struct thread_worker *t) REQUIRES(rank_vm) {
  lua_State *L = atomic_load(&t->self.running);
  lua_pushcfunction(L, failure_handler);
  lua_insert(L, 1);
  lua_pushcfunction(L, start_here);
  lua_insert(L, 2);
  vm_grant_grace(t->self.vm);
  STOP_POINT("thread.has_grace");
  const int failed = lua_pcall(L, t->count, 0, 1);
  STOP_POINT("thread.has_run");
  const bool was_stopped = vm_was_stopped(&t->self);
  const int code = failed || was_stopped ? failure_judge(L, &t->self) : EXIT_SUCCESS;
  STOP_POINT("thread.is_judged");
  coroutines_end(L, t->self.vm, was_stopped);
  STOP_POINT("thread.has_cleaned_up");
  if (was_stopped) worker_end_commands(atomic_load(&t->worker_status->tid));
  vm_end_stops(t->self.vm);
  STOP_POINT("thread.stops_no_more");
  lua_settop(L, 0);
  t->self.vm->library->end_workers(L, was_stopped ? SHUTDOWN_TERMINATE : SHUTDOWN_JOIN);
  STOP_POINT("thread.has_no_children");
  return code;
}

/* Without its anchor the state is garbage, so nothing on it is used after this. */
static void release_state(struct thread_worker *t, int code) REQUIRES(rank_vm) {
  lua_State *L = t->self.vm->state;
  held_locks_end_agent(held_locks_of(L), (uint64_t)(uintptr_t)&t->self, code != EXIT_SUCCESS);
  local_queue_forget_thread(L, &t->self);
  settings_drop_thread(L, &t->self);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, t);
  vm_thread_remove(&t->self);
}

static void thread_main(void *argument) {
  struct thread_worker *t = argument;
  struct vm *vm = t->self.vm;
  vm_bind_other_thread(&t->self);
  STOP_POINT("thread.bound");
  trace_name_thread(t->name);
  trace_worker_start();
  signals_let_interrupts_in();
  signals_let_requests_in();
  STOP_POINT("thread.listens");
  vm_enter(vm);
  STOP_POINT("thread.entered");
  worker_status_introduce(t->worker_status, t->name, (uintptr_t)&t->self);
  (void)worker_status_run(t->worker_status);
  const int code = run(t);
  release_state(t, code);
  STOP_POINT("thread.is_released");
  vm_leave(vm);
  STOP_POINT("thread.has_left");
  vm_thread_fini(&t->self);
  trace_worker_end();
  STOP_POINT("thread.ends");
  worker_status_end(t->worker_status, code);
  worker_status_wake(t->worker_status);
}

/* ---- starting it ----------------------------------------------------------------------------- */

/* [-count, +0, memory] */
static lua_State *new_state(lua_State *L, int count, const void *anchor) {
  lua_State *own = lua_newthread(L);
  lua_sethook(own, NULL, 0, 0);
  if (!lua_checkstack(own, count + LUA_MINSTACK)) luaL_error(L, "too many arguments");
  lua_rawsetp(L, LUA_REGISTRYINDEX, anchor);
  lua_xmove(L, own, count);
  return own;
}

status thread_worker_start(lua_State *L, int settings, int count, struct worker_status *worker_status,
                           const char *name, struct thread_worker **out) {
  struct vm *vm = vm_of(L);
  prepare_vm(L);
  struct thread_worker *t = memory_alloc(sizeof *t);
  if (!t) return -ENOMEM;
  vm_thread_init(&t->self, vm, new_state(L, count, t));
  settings_keep_thread(L, settings, &t->self);
  t->worker_status = worker_status;
  t->count = count;
  snprintf(t->name, sizeof t->name, "%s", name);
  lua_getfield(L, settings, "world");
  vm_thread_name(&t->self, name, lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
  lua_pop(L, 1);
  vm_thread_add(&t->self);
  signals_let_requests_in();
  const status st = thread_start(&t->thread, thread_main, t, name);
  if (st) {
    release_state(t, EXIT_SUCCESS);
    memory_free(t);
    return st;
  }
  t->self.user.thread = t->thread;
  *out = t;
  return STATUS_OK;
}

/* ---- for Lua --------------------------------------------------------------------------------- */

int thread_exit_call(lua_State *L) {
  struct vm *vm = vm_of(L);
  const struct vm_thread *self = vm_self(vm);
  if (self != &vm->main && !self->task) vm_raise_exit(L, vm, argument_exit_status(L, 1));
  return 0;
}
