/* SPDX-License-Identifier: MIT */
/* Opening and writing the file may take long, so the VM lock is released meanwhile. Acquiring it
 * again after a recording has started also records the first holder of the lock. */
#include "cli/tracing.h"

#include <errno.h>

#include "core/arguments.h"
#include "trace/recorder.h"
#include "trace/trace.h"

/* core/recording.lua has checked the arguments. */
int trace_start(lua_State *L) REQUIRES(rank_vm) {
  const struct recorder_options options = {.path = luaL_checkstring(L, 1),
                                           .program = luaL_checkstring(L, 2),
                                           .limit = (uint64_t)luaL_optnumber(L, 3, RECORDER_LIMIT_DEFAULT)};
  vm_leave(vm_of(L));
  const status st = recorder_start(&options);
  vm_return(L, vm_of(L));
  if (st != -EBUSY) return return_status(L, st);
  lua_pushnil(L);
  lua_pushliteral(L, "a recording is under way");
  return 2;
}

int trace_stop(lua_State *L) REQUIRES(rank_vm) {
  vm_leave(vm_of(L));
  const status st = recorder_stop();
  vm_return(L, vm_of(L));
  if (st != STATUS_CLOSED) return return_status(L, st);
  lua_pushnil(L);
  lua_pushliteral(L, "nothing is recorded");
  return 2;
}

int trace_task(lua_State *L) {
  if (lua_isnil(L, 1))
    trace_mark(TRACE_TASK_END);
  else
    trace_mark_value(TRACE_TASK_START, (uint64_t)luaL_checknumber(L, 1));
  return 0;
}
