/* SPDX-License-Identifier: MIT */
#include "c/frames.h"

#include "state/coroutines.h"
#include "state/error.h"
#include "state/library.h"
#include "state/method_hint.h"
#include "state/traceback.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"
#include "state/yieldable.h"

/* Their addresses are keys of the registry. */
static const char coroutines_key = 'c'; /* a table: number → coroutine */
static const char current_key = 'r';    /* the coroutine of the job that runs */

/* ---- mm.frame -------------------------------------------------------------------------------- */

static bool is_current(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key);
  const bool is = lua_tothread(L, -1) == L;
  lua_pop(L, 1);
  return is;
}

/* mm.frame(): waits for the next frame. In a VM of the program's own loop it can do so anywhere; then other
 * jobs of the VM wait as well. */
static int frame(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct vm *vm = vm_of(L);
  if (is_current(L) && yieldable(L)) return lua_yield(L, 0);
  if (!vm_wait_for_poll(L, vm))
    return luaL_error(
        L, "mm.frame: call it in a coroutine job (mm_job_opts.coroutine), and in no coroutine of its own");
  if (vm_must_stop(vm)) vm_raise_stop(L, vm);
  return 0;
}

void frames_install(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &coroutines_key);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, frame);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, VM_FRAME_KEY);
  lua_setfield(L, -2, "frame");
  lua_setglobal(L, "mm");
}

/* ---- coroutines ------------------------------------------------------------------------------ */

static void push_number(lua_State *L, uint64_t number) { lua_pushnumber(L, (lua_Number)number); }

/* The coroutine on top. [-1, +0, memory] */
static lua_State *keep(lua_State *L, uint64_t number) {
  lua_State *co = lua_tothread(L, -1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &coroutines_key);
  push_number(L, number);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 2);
  return co;
}

/* [-0, +0, does not raise] */
static lua_State *find(lua_State *L, uint64_t number) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &coroutines_key);
  push_number(L, number);
  lua_rawget(L, -2);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 2);
  return co;
}

void frames_forget(lua_State *L, uint64_t number) {
  if (!find(L, number)) return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &coroutines_key);
  push_number(L, number);
  lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void frames_describe_error(lua_State *L, lua_State *of, int level) {
  error_push_text(L, lua_gettop(L));
  method_hint_add(L, of, level);
  traceback_push(L, of, lua_tostring(L, -1), level);
}

static void make_current(lua_State *L, lua_State *co) {
  lua_pushthread(co);
  lua_xmove(co, L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
}

/* The top `arguments` values go to the coroutine. */
static int go_on(lua_State *L, lua_State *co, struct frames_job *job, int arguments) {
  make_current(L, co);
  const int results = coroutines_resume(L, co, arguments, &job->code);
  if (results == COROUTINES_FAILED) {
    if (job->code != LUA_ERRMEM) frames_describe_error(L, co, 0);
    coroutines_close_one(L, co);
    return lua_error(L);
  }
  job->waits = job->code == LUA_YIELD;
  return job->waits ? 0 : results;
}

int frames_begin(lua_State *L) {
  struct frames_job *job = lua_touserdata(L, 1);
  lua_State *co = lua_newthread(L);
  keep(L, job->number);
  lua_pushvalue(L, 2);
  lua_xmove(L, co, 1);
  lua_remove(L, 2);
  return go_on(L, co, job, lua_gettop(L) - 1);
}

int frames_resume(lua_State *L) {
  struct frames_job *job = lua_touserdata(L, 1);
  lua_State *co = find(L, job->number);
  return co ? go_on(L, co, job, 0) : 0;
}

int frames_drop(lua_State *L) {
  const struct frames_job *job = lua_touserdata(L, 1);
  lua_State *co = find(L, job->number);
  if (!co) return 0;
  traceback_push_place(L, co);
  coroutines_close_one(L, co);
  return 1;
}
