/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <unistd.h>

#include "arguments.h"
#include "os/clock.h"
#include "os/futex.h"
#include "os/process.h"
#include "waiting.h"

int system_time(lua_State *L) {
  lua_pushnumber(L, (lua_Number)clock_now_ns() * 1e-9);
  return 1;
}

/* A sleep is a wait for something that does not come: a stop ends it like any other wait. */
static status attempt_sleep(void *context, deadline until) {
  futex_word *never = context;
  return futex_wait(never, 0, until);
}

int system_sleep(lua_State *L) REQUIRES(rank_vm) {
  const lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "sleep: a number of seconds, 0 or more, expected");
  futex_word never = 0;
  const deadline until = deadline_after(seconds);
  raise_if_stopped(L, wait_for(L, attempt_sleep, &never, until));
  return 0;
}

int system_cpu_count(lua_State *L) {
  lua_pushinteger(L, process_cpu_count());
  return 1;
}

int system_thread_count(lua_State *L) {
  lua_pushinteger(L, thread_count());
  return 1;
}

int system_pid(lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}
