/* SPDX-License-Identifier: MIT */
/* See vm_interrupt.h. The hook counts to one: it fires at the next instruction. */
#include "state/vm_interrupt.h"

#include <lauxlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/signals.h"
#include "state/lua_compat.h"
#include "state/vm_hooks.h"

enum { ONE_STEP_SLICE = 20 }; /* instructions until a request looks again whether it may interrupt */

/* ---- raising --------------------------------------------------------------------------------- */

enum { POLL_INSTRUCTIONS = 1000 }; /* between two looks of vm_poll_stops */

static void raise_stop_reason(struct vm_thread *t, enum vm_stop why) {
  int seen = atomic_load(&t->stop);
  while (seen < (int)why)
    if (atomic_compare_exchange_weak(&t->stop, &seen, (int)why)) return;
}

/* Async-signal-safe. */
static void stop_when_overdue(struct vm_thread *t) {
  const int64_t at = atomic_load(&t->stop_at_ns);
  if (at && clock_now_ns() >= at) raise_stop_reason(t, VM_STOP_TERMINATE);
}

void vm_poll_stop(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (!vm) return;
  stop_when_overdue(vm_self(vm));
  if (vm_should_stop(vm)) vm_raise_stop(L, vm);
}

static void poll_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  vm_poll_stop(L);
}

/* No request is armed any more: what a VM has that nobody asks anything. */
static void disarm(lua_State *L, const struct vm *vm) {
  if (vm->polls_stops)
    lua_sethook(L, poll_hook, LUA_MASKCOUNT, POLL_INSTRUCTIONS);
  else
    lua_sethook(L, NULL, 0, 0);
}

static void restore_hook(lua_State *L, lua_Debug *ar, struct vm *vm) {
  const struct displaced_hook d = vm_self(vm)->displaced;
  if (d.of != L) {
    disarm(L, vm);
    return;
  }
  lua_sethook(L, d.hook, d.mask, d.count);
  const bool is_meant = (d.mask & 1 << ar->event) != 0 && ar->event != LUA_HOOKCOUNT;
  if (is_meant) d.hook(L, ar);
}

static bool is_c(const lua_Debug *ar) { return *ar->what == 'C'; }

/* Lua code of this module is one step for other threads, and so is a C function: nothing is made to make way
 * in the middle of either. The script's own code that they call is. A C function that the script calls has
 * not begun, or is over, when its hook fires; one that another C function calls stands in the middle of that.
 */
static bool is_one_step(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; level < 2 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (!is_c(&ar)) return strncmp(ar.source, "=manymoons/", 11) == 0;
  }
  return is_c(&ar);
}

/* Fires at the first instruction after it was armed, and puts back what the script had. */
static void request_hook(lua_State *L, lua_Debug *ar) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (vm && vm_should_stop(vm)) vm_raise_stop(L, vm);
  if (!vm) return;
  if (vm_lock_is_asked(&vm->lock) && is_one_step(L)) {
    lua_sethook(L, request_hook, LUA_MASKCOUNT, ONE_STEP_SLICE);
    return;
  }
  restore_hook(L, ar, vm);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  if (vm_should_stop(vm)) vm_raise_stop(L, vm);
}

/* Arming again what is armed does no harm. */
void vm_arm(struct vm_thread *t, lua_State *L) {
  const lua_Hook now = lua_gethook(L);
  if (now == request_hook || now == poll_hook || !now) {
    if (now != request_hook) t->displaced = (struct displaced_hook){.of = NULL};
  } else if (!hooks_poll(L)) {
    t->displaced = (struct displaced_hook){L, now, lua_gethookmask(L), lua_gethookcount(L)};
  }
  const bool polls = hooks_poll(L) && atomic_load(&t->stop) == VM_STOP_NONE;
  if (!polls) lua_sethook(L, request_hook, LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET, 1);
}

void vm_raise_stop(lua_State *L, struct vm *vm) {
  atomic_store(&vm_self(vm)->has_stopped, true);
  vm_arm(vm_self(vm), L);
  lua_pushliteral(L, "interrupted");
  lua_error(L);
  __builtin_unreachable();
}

void vm_raise_exit(lua_State *L, struct vm *vm, int code) {
  atomic_store(&vm_self(vm)->exit_code, code);
  atomic_store(&vm_self(vm)->stop, VM_STOP_EXIT);
  vm_raise_stop(L, vm);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void arm_running(struct vm_thread *t) {
  lua_State *running = atomic_load(&t->running);
  if (running) vm_arm(t, running);
}

void vm_interrupt_from_signal(struct vm *vm, enum vm_stop why) {
  struct vm_thread *t = vm_self(vm);
  raise_stop_reason(t, why);
  arm_running(t);
}

static void on_interrupt(int number) {
  (void)number;
  struct vm_thread *t = vm_thread_bound();
  if (!t) return;
  if (t->word && atomic_load(t->word)) raise_stop_reason(t, VM_STOP_TERMINATE);
  stop_when_overdue(t);
  if (atomic_load(&t->stop) != VM_STOP_NONE) arm_running(t);
}

void vm_obey(struct vm *vm, const _Atomic uint64_t *word) {
  vm->main.word = word;
  (void)!signals_on_interrupt(
      on_interrupt); /* where the script has its own handler, the word alone has to do */
}

void vm_thread_interrupt(struct vm_thread *t, enum vm_stop why) {
  if (atomic_load(&t->is_ending)) return;
  raise_stop_reason(t, why);
  if (signals_on_interrupt(on_interrupt) == STATUS_OK) thread_signal(&t->user.thread, SIGNAL_INTERRUPT);
}

void vm_interrupt(struct vm *vm, enum vm_stop why) { vm_thread_interrupt(&vm->main, why); }

void vm_clear_stop(struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  atomic_store(&t->stop_at_ns, 0);
  atomic_store(&t->stop, VM_STOP_NONE);
  atomic_store(&t->has_stopped, false);
  disarm(atomic_load(&t->running), vm);
}

void vm_ask_to_stop(struct vm *vm, enum vm_stop why) { raise_stop_reason(&vm->main, why); }

status vm_prepare_stops(void) { return signals_on_interrupt(on_interrupt); }

void vm_stop_at(struct vm *vm, deadline at) {
  atomic_store(&vm_self(vm)->stop_at_ns, deadline_is_never(at) ? 0 : at.ns);
}

void vm_poll_stops(struct vm *vm) {
  vm->polls_stops = true;
  if (lua_is_jit()) lua_turn_jit_off(vm->state);
  disarm(vm->state, vm);
}

void vm_end_stops(struct vm *vm) {
  atomic_store(&vm_self(vm)->is_ending, true);
  vm_clear_stop(vm);
}

/* ---- making way for other threads ------------------------------------------------------------ */

/* On the thread that holds the lock, or held it a moment ago: then the hook finds nothing to do. */
static void on_request(int number) {
  (void)number;
  struct vm_thread *t = vm_thread_bound();
  if (t && vm_lock_is_asked(&t->vm->lock)) arm_running(t);
}

static void ask_by_signal(const struct lock_user *owner) {
  thread_signal(&owner->thread, signals_request_number());
}

bool vm_prepare_threads(struct vm *vm) {
  if (!vm_thread_bound()) vm_bind_thread(vm);
  if (lua_is_jit()) return false;
  if (signals_on_request(on_request)) return false;
  atomic_store(&vm->lock.ask, ask_by_signal);
  return true;
}
