/* SPDX-License-Identifier: MIT */
#include "state/coroutines.h"

#include <lauxlib.h>

#include "state/library_environment.h"
#include "state/lua_compat.h"
#include "state/sample.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"
#include "state/weak_table.h"

static bool has_request(const struct vm_thread *t) {
  return vm_stop_is_due(t) || vm_lock_is_asked(&t->vm->lock) || sample_is_asked(t->vm);
}

/* Records that `co` runs, and arms a request whose signal came while no coroutine did. */
static void note_running(struct vm_thread *t, lua_State *co) {
  if (lua_is_jit()) return;
  atomic_store_explicit(&t->running, co, memory_order_relaxed);
  if (has_request(t)) vm_arm(t, co);
}

/* Closes the variables of `co`, which is suspended or has failed. On failure the error is on top of co.
 * [-0, +0, does not raise] */
static int close_variables(lua_State *L, lua_State *co) {
  struct vm_thread *t = vm_self(vm_of(L));
  note_running(t, co);
  const int failed = lua_resetthread(co);
  note_running(t, L);
  return failed;
}

void coroutines_close_one(lua_State *L, lua_State *co) {
  if (LUA_HAS_CLOSE && close_variables(L, co) != LUA_OK) lua_pop(co, 1);
}

/* ---- the coroutines that a stop closes ------------------------------------------------------- */

static const char begun_key = 'b'; /* its address is the key; never written */

/* The coroutines that were begun, by owner: a table with weak keys, whose values are such tables as well. An owner
 * is a task, which is a coroutine, or the address of a thread. [-0, +1, memory] */
static void push_owners(lua_State *L) { weak_table_push_kept(L, &begun_key, "k", 0); }

/* Replaces the owner on top by the table of its coroutines. [-1, +1, memory] */
static void find_begun(lua_State *L) {
  push_owners(L);
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    weak_table_push(L, "k", 0);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static void push_coroutine(lua_State *L, lua_State *co) {
  lua_pushthread(co);
  lua_xmove(co, L, 1);
}

/* Of tasks and of workers: what else begins coroutines is not stopped. */
static void note_begin(lua_State *L, lua_State *co, const struct vm_thread *t) {
  if (!LUA_HAS_CLOSE || lua_status(co) != LUA_OK || t->task == co) return;
  if (!t->task && atomic_load(&t->grace.raises) == 0) return;
  luaL_checkstack(L, 6, "too many nested calls");
  if (t->task)
    push_coroutine(L, (lua_State *)(uintptr_t)t->task);
  else
    lua_pushlightuserdata(L, (void *)(uintptr_t)t);
  find_begun(L);
  push_coroutine(L, co);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* (owner) */
static int forget_begun(lua_State *L) {
  lua_settop(L, 1);
  push_owners(L);
  lua_insert(L, 1);
  lua_pushnil(L);
  lua_rawset(L, 1);
  return 0;
}

/* (owner). A handler may begin more coroutines. */
int coroutines_close(lua_State *L) {
  enum { OWNER = 1, LIST = 2, BEGUN = 3, COROUTINE = 4 };
  lua_settop(L, OWNER);
  lua_newtable(L);
  lua_pushvalue(L, OWNER);
  find_begun(L);
  int count = 0;
  for (lua_pushnil(L); lua_next(L, BEGUN); lua_pop(L, 1)) {
    lua_pushvalue(L, COROUTINE);
    lua_rawseti(L, LIST, ++count);
  }
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, LIST, i);
    lua_State *co = lua_tothread(L, -1);
    if (lua_status(co) == LUA_YIELD) close_variables(L, co);
    lua_pop(L, 1);
  }
  lua_settop(L, OWNER);
  return forget_begun(L);
}

void coroutines_end(lua_State *L, struct vm *vm, bool was_stopped) {
  if (!LUA_HAS_CLOSE) return;
  const int top = lua_gettop(L);
  lua_pushcfunction(L, was_stopped ? coroutines_close : forget_begun);
  lua_pushlightuserdata(L, vm_self(vm));
  (void)lua_pcall(L, 1, 0, 0);
  lua_settop(L, top);
}

/* ---- resuming -------------------------------------------------------------------------------- */

/* A stop ends the callers of a coroutine, too. */
NO_RETURN static void pass_stop(lua_State *L, lua_State *co) {
  lua_xmove(L, co, 1);
  if (LUA_HAS_CLOSE) close_variables(L, co);
  vm_pass_stop(L, vm_of(L));
}

int coroutines_resume(lua_State *L, lua_State *co, int arguments, int *state) {
  *state = LUA_ERRRUN;
  if (!lua_checkstack(co, arguments)) {
    lua_pushliteral(L, "too many arguments to resume");
    return COROUTINES_FAILED;
  }
  const char *refusal = lua_resume_refusal(L, co);
  if (!refusal && lua_is_spent(co)) refusal = "cannot resume dead coroutine";
  if (refusal) {
    lua_pushstring(L, refusal);
    return COROUTINES_FAILED;
  }
  struct vm_thread *t = vm_self(vm_of(L));
  int results = 1;
  note_begin(L, co, t);
  const struct vm_resume self = {L, t->resume};
  lua_xmove(L, co, arguments);
  t->resume = &self;
  note_running(t, co);
  *state = lua_resume_from(co, L, arguments, &results);
  t->resume = self.outer;
  note_running(t, L);
  const bool is_failure = *state != LUA_OK && *state != LUA_YIELD;
  if (!is_failure && !lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return COROUTINES_FAILED;
  }
  lua_xmove(co, L, is_failure ? 1 : results);
  if (is_failure && vm_is_stop(L, -1)) pass_stop(L, co);
  return is_failure ? COROUTINES_FAILED : results;
}

/* [-n, +m, raises only for a wrong argument] coroutine.resume */
static int coroutine_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "thread");
  int state = LUA_OK;
  const int results = coroutines_resume(L, co, lua_gettop(L) - 1, &state);
  const int count = results == COROUTINES_FAILED ? 1 : results;
  lua_pushboolean(L, results != COROUTINES_FAILED);
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
  const int results = coroutines_resume(L, co, lua_gettop(L), &state);
  if (results != COROUTINES_FAILED) return results;
  const int why = lua_status(co);
  if (why != LUA_OK && why != LUA_YIELD) {
    lua_xmove(L, co, 1);
    close_variables(L, co); /* one that raises replaces the error */
    lua_xmove(co, L, 1);
  }
  if (state != LUA_ERRMEM) prepend_position(L);
  return lua_error(L);
}

/* [-1, +1, raises] coroutine.wrap */
static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_argcheck(L, LUA_HAS_C_COROUTINES || !lua_iscfunction(L, 1), 1, "Lua function expected");
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

/* (coroutine) → as coroutine.close, which is upvalue 1. A handler that it calls runs on the coroutine.
 * [-n, +m, raises for a wrong argument] */
static int coroutine_close(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  const bool has_variables = co && lua_status(co) != LUA_OK;
  if (!has_variables) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
  }
  const int failed = close_variables(L, co);
  lua_pushboolean(L, !failed);
  if (!failed) return 1;
  lua_xmove(co, L, 1);
  return 2;
}

/* Whether L is the base of a thread that runs a worker: to Lua a coroutine, to scripts none. */
static bool is_base(lua_State *L) { return vm_self(vm_of(L))->base == L; }

/* [-n, +m] coroutine.yield */
static int coroutine_yield(lua_State *L) {
  if (!is_base(L) || lua_isyieldable(L)) return lua_yield(L, lua_gettop(L));
  lua_pushliteral(L, "attempt to yield from outside a coroutine");
  return lua_error(L);
}

/* [-0, +2] coroutine.running */
static int coroutine_running(lua_State *L) {
  lua_pushboolean(L, lua_pushthread(L) || is_base(L));
  return 2;
}

/* Replaces a function of the library on top of the stack by another one, whose upvalue it becomes. What the program has
 * put in its place stays. */
static void track(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  if (lua_iscfunction(L, -1)) {
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
  } else {
    lua_pop(L, 1);
  }
}

/* In the library on top of the stack, which is popped if it is one. 5.3 has no function close. */
static void track_in(lua_State *L) {
  if (lua_istable(L, -1)) {
    track(L, "resume", coroutine_resume);
    track(L, "wrap", coroutine_wrap);
    track(L, "close", coroutine_close);
    track(L, "yield", coroutine_yield);
    track(L, "running", coroutine_running);
  }
  lua_pop(L, 1);
}

/* Also if the program has removed its global `coroutine`, which it may have kept. */
void vm_track_coroutines(lua_State *L) {
  if (lua_is_jit()) return;
  luaL_checkstack(L, 4, "no room to track coroutines");
  lua_pushloaded(L);
  lua_getfield(L, -1, "coroutine");
  track_in(L);
  library_environment_push_made(L);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "coroutine");
    track_in(L);
  }
  lua_pop(L, 2);
}

int vm_resume_task(lua_State *L) {
  struct vm_thread *t = vm_self(vm_of(L));
  const void *before = t->task;
  t->task = lua_topointer(L, 1);
  const int results = coroutine_resume(L);
  t->task = before;
  return results;
}
