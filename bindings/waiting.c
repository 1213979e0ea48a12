/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include "os/clock.h"
#include "state/scratch.h"
#include "state/vm_interrupt.h"

static const double slice_seconds = 0.05;

static bool push_tender(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_TENDER);
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static deadline slice_end(lua_State *L, deadline until) {
  if (!push_tender(L)) return until;
  lua_pop(L, 1);
  return deadline_earlier(until, deadline_after(slice_seconds));
}

/* What was encoded and waits to be sent is in the VM's scratch: the tender, who may start workers, gets
 * another. */
static void tend(lua_State *L) {
  struct scratch *s = scratch_peek(L);
  const bool was_busy = s && s->is_busy;
  if (s) s->is_busy = true;
  if (push_tender(L) && lua_pcall(L, 0, 0, 0)) lua_pop(L, 1);
  if (s) s->is_busy = was_busy;
}

static bool is_unfinished(lua_State *L, struct vm *vm, status st, deadline until) {
  if (st == STATUS_INTERRUPTED) return !vm_should_stop(vm);
  if (st != STATUS_TIMEOUT || deadline_passed(until)) return false;
  tend(L);
  return true;
}

status wait_for(lua_State *L, wait_attempt attempt, void *context, deadline until) {
  struct vm *vm = vm_of(L);
  status st = STATUS_OK;
  do {
    const deadline slice = slice_end(L, until);
    vm_leave(vm);
    st = attempt(context, slice);
    vm_enter(vm);
  } while (is_unfinished(L, vm, st, until));
  return st;
}

void raise_if_stopped(lua_State *L, status st) {
  struct vm *vm = vm_of(L);
  if (st == STATUS_INTERRUPTED && vm_should_stop(vm)) vm_raise_stop(L, vm);
}

void refuse_endless_wait(lua_State *L, deadline until, const char *method) {
  if (deadline_is_never(until)) luaL_error(L, "%s would wait for ever in the serial world", method);
}
