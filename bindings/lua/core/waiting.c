/* SPDX-License-Identifier: MIT */
#include "core/waiting.h"

#include <errno.h>

#include "os/clock.h"
#include "state/vm_interrupt.h"
#include "state/yieldable.h"

/* Keys of the registry. */
#define WAIT_MAINTENANCE "manymoons.maintenance"
#define WAIT_PAUSER      "manymoons.pauser"
#define WAIT_REFUSAL     "manymoons.refusal" /* what the pauser raised, until raise_if_stopped */

/* A stop whose signal came just before the sleep is seen after a slice. */
static const double slice_seconds = 0.25;
static const double maintained_slice_seconds = 0.05;
/* Between two looks of a wait beside which tasks run. */
static const double first_pause_seconds = 50e-6;
static const double pause_seconds = 0.01;

static bool push_maintenance(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_MAINTENANCE);
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static deadline slice_end(lua_State *L, deadline until) {
  const bool is_maintained = push_maintenance(L);
  if (is_maintained) lua_pop(L, 1);
  return deadline_earlier(until, deadline_after(is_maintained ? maintained_slice_seconds : slice_seconds));
}

static void maintain(lua_State *L) {
  if (push_maintenance(L) && lua_pcall(L, 0, 0, 0)) lua_pop(L, 1);
}

/* What an attempt's end means for the wait. STATUS_EMPTY: it goes on. */
static status judge(lua_State *L, struct vm *vm, status st, deadline until) {
  if (st != STATUS_TIMEOUT && st != STATUS_INTERRUPTED) return st;
  if (vm_should_stop(vm)) return STATUS_INTERRUPTED;
  if (st == STATUS_TIMEOUT && deadline_passed(until)) return STATUS_TIMEOUT;
  maintain(L);
  return STATUS_EMPTY;
}

status wait_for_tasks(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                      deadline until) {
  struct vm *vm = vm_of(L);
  for (;;) {
    const deadline slice = slice_end(L, until);
    trace_call_next(call);
    vm_leave(vm);
    status st = attempt(context, slice);
    vm_enter(vm);
    st = judge(L, vm, st, until);
    if (st != STATUS_EMPTY) return st;
  }
}

/* False: it raised; the error is kept. */
static bool pause_for(lua_State *L, double seconds) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_PAUSER);
  lua_pushnumber(L, seconds);
  if (lua_pcall(L, 1, 0, 0) == 0) return true;
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  return false;
}

/* Tasks of this thread run between two looks. */
static status look_and_pause(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                             deadline until) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  for (double pause = first_pause_seconds;; pause = pause * 2 < pause_seconds ? pause * 2 : pause_seconds) {
    trace_call_next(call);
    vm_leave(vm);
    status st = attempt(context, deadline_now());
    vm_enter(vm);
    st = judge(L, vm, st, until);
    if (st != STATUS_EMPTY) return st;
    if (!pause_for(L, pause)) return -EDEADLK;
  }
}

status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context, deadline until) {
  if (!vm_self(vm_of(L))->has_tasks) return wait_for_tasks(L, call, attempt, context, until);
  return look_and_pause(L, call, attempt, context, until);
}

void raise_if_stopped(lua_State *L, status st) {
  struct vm *vm = vm_of(L);
  if (st == STATUS_INTERRUPTED && vm_should_stop(vm)) vm_raise_stop(L, vm);
  if (st != -EDEADLK) return;
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  if (lua_isnil(L, -1))
    lua_pop(L, 1);
  else
    lua_error(L);
}

void refuse_endless_wait(lua_State *L, deadline until, const char *method) {
  if (deadline_is_never(until)) luaL_error(L, "%s would wait for ever in the serial world", method);
}

/* ---- for Lua --------------------------------------------------------------------------------- */

int waiting_set_maintenance(lua_State *L) {
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_MAINTENANCE);
  return 0;
}

int waiting_set_pauser(lua_State *L) {
  yieldable_prepare(L);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_PAUSER);
  return 0;
}

int waiting_can_yield(lua_State *L) {
  lua_pushboolean(L, vm_self(vm_of(L))->task == L && yieldable(L));
  return 1;
}

int waiting_make_way(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  return 0;
}

int waiting_set_busy(lua_State *L) {
  struct vm_thread *t = vm_self(vm_of(L));
  lua_settop(L, 1);
  t->has_tasks = lua_toboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &t->has_tasks);
  return 0;
}

int waiting_busy(lua_State *L) {
  const struct vm_thread *t = vm_self(vm_of(L));
  if (!t->has_tasks) return 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &t->has_tasks);
  waiting_can_yield(L);
  return 2;
}
