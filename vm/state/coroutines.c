/* SPDX-License-Identifier: MIT */
#include "state/coroutines.h"

#include <lauxlib.h>

#include "state/lua_compat.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"

static bool has_request(const struct vm_thread *t) {
  return atomic_load_explicit(&t->stop, memory_order_relaxed) != VM_STOP_NONE ||
         vm_lock_is_asked(&t->vm->lock);
}

/* Records that `co` runs, and arms a request whose signal came while no coroutine did. */
static void note_running(struct vm_thread *t, lua_State *co) {
  if (!LUA_HAS_HOOKS_EACH) return;
  atomic_store_explicit(&t->running, co, memory_order_relaxed);
  if (has_request(t)) vm_arm(t, co);
}

enum { FAILED = -1 };

/* Moves the top `arguments` values to `co` and resumes it. How many results are on top of L; or
 * FAILED, with the error on top. *state is that of lua_resume. */
static int resume(lua_State *L, lua_State *co, int arguments, int *state) {
  *state = LUA_ERRRUN;
  if (!lua_checkstack(co, arguments)) {
    lua_pushliteral(L, "too many arguments to resume");
    return FAILED;
  }
  if (lua_is_spent(co)) {
    lua_pushliteral(L, "cannot resume dead coroutine");
    return FAILED;
  }
  struct vm_thread *t = vm_self(vm_of(L));
  int results = 1;
  lua_xmove(L, co, arguments);
  note_running(t, co);
  *state = lua_resume_from(co, L, arguments, &results);
  note_running(t, L);
  const bool is_failure = *state != LUA_OK && *state != LUA_YIELD;
  if (!is_failure && !lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return FAILED;
  }
  lua_xmove(co, L, is_failure ? 1 : results);
  return is_failure ? FAILED : results;
}

/* [-n, +m, raises only for a wrong argument] coroutine.resume */
static int coroutine_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "thread");
  int state = LUA_OK;
  const int results = resume(L, co, lua_gettop(L) - 1, &state);
  const int count = results == FAILED ? 1 : results;
  lua_pushboolean(L, results != FAILED);
  lua_insert(L, -count - 1);
  return count + 1;
}

static void prepend_position(lua_State *L) {
  if (lua_type(L, -1) != LUA_TSTRING) return;
  luaL_where(L, 1);
  lua_insert(L, -2);
  lua_concat(L, 2);
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int state = LUA_OK;
  const int results = resume(L, co, lua_gettop(L), &state);
  if (results != FAILED) return results;
  const int why = lua_status(co);
  if (why != LUA_OK && why != LUA_YIELD) {
    lua_xmove(L, co, 1);
    lua_resetthread(co); /* closes pending to-be-closed variables; one that raises replaces the error */
    lua_xmove(co, L, 1);
  }
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
  if (!LUA_HAS_HOOKS_EACH) return;
  lua_getglobal(L, "coroutine");
  lua_pushcfunction(L, coroutine_resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, coroutine_wrap);
  lua_setfield(L, -2, "wrap");
  lua_pop(L, 1);
}

int vm_resume_task(lua_State *L) {
  struct vm_thread *t = vm_self(vm_of(L));
  const void *before = t->task;
  t->task = lua_topointer(L, 1);
  const int results = coroutine_resume(L);
  t->task = before;
  return results;
}
