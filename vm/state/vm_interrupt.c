/* SPDX-License-Identifier: MIT */
/* See vm_interrupt.h. The hook counts to one: it fires at the next instruction. */
#include "state/vm_interrupt.h"

#include <lauxlib.h>

#include "os/signals.h"
#include "state/lua_compat.h"

static _Thread_local struct vm *bound_vm; /* for the signal handler; listed in vm/README.md */

void vm_bind_thread(struct vm *vm) {
  bound_vm = vm;
  if (vm) vm->thread = thread_self();
}

/* ---- raising --------------------------------------------------------------------------------------------
 */

static void stop_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  struct vm *vm = vm_of(L);
  if (vm && vm_should_stop(vm))
    vm_raise_stop(L, vm);
  else
    lua_sethook(L, NULL, 0, 0);
}

static void arm(lua_State *L) { lua_sethook(L, stop_hook, LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET, 1); }

void vm_raise_stop(lua_State *L, struct vm *vm) {
  atomic_store(&vm->has_stopped, true);
  arm(L);
  lua_pushliteral(L, "interrupted");
  lua_error(L);
  __builtin_unreachable();
}

void vm_raise_exit(lua_State *L, struct vm *vm, int code) {
  atomic_store(&vm->exit_code, code);
  atomic_store(&vm->stop, VM_STOP_EXIT);
  vm_raise_stop(L, vm);
}

/* ---- asking
 * ------------------------------------------------------------------------------------------------ */

static void raise_stop_reason(struct vm *vm, enum vm_stop why) {
  int seen = atomic_load(&vm->stop);
  while (seen < (int)why)
    if (atomic_compare_exchange_weak(&vm->stop, &seen, (int)why)) return;
}

void vm_interrupt_from_signal(struct vm *vm, enum vm_stop why) {
  raise_stop_reason(vm, why);
  lua_State *running = atomic_load(&vm->running);
  if (running) arm(running);
}

static void on_signal(int number) {
  (void)number;
  struct vm *vm = bound_vm;
  if (vm && vm_should_stop(vm)) vm_interrupt_from_signal(vm, VM_STOP_NONE);
}

void vm_interrupt(struct vm *vm, enum vm_stop why) {
  if (atomic_load(&vm->is_ending)) return;
  raise_stop_reason(vm, why);
  if (signals_on_interrupt(on_signal) == STATUS_OK) thread_signal(&vm->thread, SIGNAL_INTERRUPT);
}

void vm_clear_stop(struct vm *vm) {
  atomic_store(&vm->stop, VM_STOP_NONE);
  atomic_store(&vm->has_stopped, false);
  lua_sethook(vm->state, NULL, 0, 0);
}

void vm_end_stops(struct vm *vm) {
  atomic_store(&vm->is_ending, true);
  vm_clear_stop(vm);
}

/* ---- knowing which coroutine runs
 * ----------------------------------------------------------------------------- */

#if LUA_VERSION_NUM >= 504

/* Moves the arguments over, runs, and leaves on `co` either the results or the error. */
static int resume(lua_State *L, lua_State *co, int arguments, int *results) {
  if (!lua_checkstack(co, arguments)) {
    lua_pushliteral(co, "too many arguments to resume");
    return LUA_ERRRUN;
  }
  struct vm *vm = vm_of(L);
  lua_xmove(L, co, arguments);
  atomic_store_explicit(&vm->running, co, memory_order_relaxed);
  const int state = lua_resume(co, L, arguments, results);
  atomic_store_explicit(&vm->running, L, memory_order_relaxed);
  if (vm_should_stop(vm)) arm(L); /* the request may have struck while neither ran */
  return state;
}

static bool is_failure(int state) { return state != LUA_OK && state != LUA_YIELD; }

static int take_results(lua_State *L, lua_State *co, int results) {
  luaL_checkstack(L, results + 1, "too many results to resume");
  lua_xmove(co, L, results);
  return results;
}

/* [-n, +m, raises only for a wrong argument] coroutine.resume */
static int coroutine_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "thread");
  int results = 0;
  if (is_failure(resume(L, co, lua_gettop(L) - 1, &results))) {
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
  }
  lua_pushboolean(L, 1);
  return take_results(L, co, results) + 1;
}

static void prepend_position(lua_State *L) {
  if (lua_type(L, -1) != LUA_TSTRING) return;
  luaL_where(L, 1);
  lua_insert(L, -2);
  lua_concat(L, 2);
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = 0;
  const int state = resume(L, co, lua_gettop(L), &results);
  if (!is_failure(state)) return take_results(L, co, results);
  const int why = lua_status(co);
  if (why != LUA_OK && why != LUA_YIELD) lua_resetthread(co); /* closes what it had to close */
  lua_xmove(co, L, 1);
  if (state != LUA_ERRMEM) prepend_position(L);
  return lua_error(L);
}

/* [-1, +1, raises] coroutine.wrap */
static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

void vm_track_coroutines(lua_State *L) {
  lua_getglobal(L, "coroutine");
  lua_pushcfunction(L, coroutine_resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, coroutine_wrap);
  lua_setfield(L, -2, "wrap");
  lua_pop(L, 1);
}

#else

void vm_track_coroutines(lua_State *L) { (void)L; }

#endif
