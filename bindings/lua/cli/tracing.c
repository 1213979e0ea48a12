/* SPDX-License-Identifier: MIT */
/* Opening and writing the file may take long, so the VM lock is released meanwhile. Acquiring it
 * again after a recording has started also records the first holder of the lock. */
#include "cli/tracing.h"

#include <errno.h>
#include <stdlib.h>

#include "core/arguments.h"
#include "trace/recorder.h"
#include "trace/trace.h"

/* timeline/recording.lua has checked the arguments. */
int trace_start(lua_State *L) REQUIRES(rank_vm) {
  const struct recorder_options options = {.path = luaL_optstring(L, 1, NULL),
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

/* (text, size) → text */
static int push_text(lua_State *L) {
  lua_pushlstring(L, lua_touserdata(L, 1), *(const size_t *)lua_touserdata(L, 2));
  return 1;
}

/* What a recording without a path has written. [-0, +1, raises] */
static int return_text(lua_State *L, char *text, size_t size) {
  lua_pushcfunction(L, push_text);
  lua_pushlightuserdata(L, text);
  lua_pushlightuserdata(L, &size);
  const int failed = lua_pcall(L, 2, 1, 0);
  free(text);
  return failed ? lua_error(L) : 1;
}

int trace_stop(lua_State *L) REQUIRES(rank_vm) {
  vm_leave(vm_of(L));
  const status st = recorder_stop();
  vm_return(L, vm_of(L));
  size_t size = 0;
  char *text = st ? NULL : recorder_take(&size);
  if (text) return return_text(L, text, size);
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

static const char failure_key = 0; /* its address is the key in the registry */

int trace_note_failure(lua_State *L) {
  lua_pushboolean(L, true);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &failure_key);
  return 0;
}

bool trace_has_failed(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &failure_key);
  const bool has_failed = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return has_failed;
}
