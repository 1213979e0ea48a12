/* SPDX-License-Identifier: MIT */
#include "worker/gil.h"

#include <string.h>

#include "os/clock.h"
#include "shared/segment.h"
#include "state/raise.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"

static int64_t read_counter(const _Atomic int64_t *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static void set_count(lua_State *L, const char *name, const _Atomic int64_t *word) {
  lua_pushwhole(L, read_counter(word));
  lua_setfield(L, -2, name);
}

static void set_seconds(lua_State *L, const char *name, int64_t ns) {
  lua_pushnumber(L, (lua_Number)ns * 1e-9);
  lua_setfield(L, -2, name);
}

static void set_longest(lua_State *L, const struct vm *vm) {
  lua_createtable(L, 0, 2);
  set_seconds(L, "seconds", read_counter(&vm->lock.counters.longest_ns));
  lua_pushstring(L, vm->longest);
  lua_setfield(L, -2, "traceback");
  lua_setfield(L, -2, "longest");
}

/* Includes the time for which this thread, the present holder, has held the lock so far. */
int gil_read(lua_State *L) {
  struct vm *vm = vm_of(L);
  const struct lock_counters *c = &vm->lock.counters;
  const int64_t now_held_ns = clock_now_ns() - read_counter(&vm_self(vm)->user.taken_ns);
  lua_createtable(L, 0, 14);
  set_count(L, "takes", &c->takes);
  set_count(L, "contended", &c->contended);
  set_count(L, "switches", &c->switches);
  set_count(L, "forced", &c->forced);
  set_count(L, "requests", &c->requests);
  set_seconds(L, "held", read_counter(&c->held_ns) + now_held_ns);
  set_seconds(L, "waited", read_counter(&c->waited_ns));
  set_seconds(L, "interval", read_counter(&vm->lock.interval_ns));
  set_longest(L, vm);
  lua_pushinteger(L, (lua_Integer)vm->threads);
  lua_setfield(L, -2, "threads");
  lua_pushboolean(L, !lua_is_jit());
  lua_setfield(L, -2, "preemptible");
  lua_pushstring(L, vm->lock.schedule == LOCK_LEGACY ? "legacy" : "fair");
  lua_setfield(L, -2, "schedule");
  return 1;
}

void gil_settle(struct vm *vm) {
  const struct lock_counters *c = &vm->lock.counters;
  const int64_t now_held_ns = clock_now_ns() - read_counter(&vm_self(vm)->user.taken_ns);
  const struct lock_use use = {
      .held_ns = (uint64_t)(read_counter(&c->held_ns) + now_held_ns),
      .waited_ns = (uint64_t)read_counter(&c->waited_ns),
      .switches = (uint64_t)read_counter(&c->switches),
  };
  struct totals *totals = segment_totals();
  if (totals) totals_add_lock(totals, &use);
}

int gil_set(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (!lua_isnoneornil(L, 1)) {
    const bool is_legacy = strcmp(luaL_checkstring(L, 1), "legacy") == 0;
    vm_lock_set_schedule(&vm->lock, is_legacy ? LOCK_LEGACY : LOCK_FAIR);
  }
  if (!lua_isnoneornil(L, 2)) vm_lock_set_interval(&vm->lock, (int64_t)(luaL_checknumber(L, 2) * 1e9));
  return 0;
}

int thread_number(lua_State *L) {
  struct vm *vm = vm_of(L);
  struct vm_thread *t = vm_self(vm);
  if (t == &vm->main)
    lua_pushboolean(L, 0);
  else
    lua_pushlightuserdata(L, t);
  return 1;
}

int thread_has_others(lua_State *L) {
  lua_pushboolean(L, vm_of(L)->threads > 1);
  return 1;
}
