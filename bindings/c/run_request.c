/* SPDX-License-Identifier: MIT */
/* A request is prepared, run and finished, each in a protected call of its own, because the meaning
 * of an error depends on the step. */
#include "c/run_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "c/frames.h"
#include "c/values/value.h"
#include "os/clock.h"
#include "state/counted.h"
#include "state/error.h"
#include "state/message_handlers.h"
#include "state/names.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

/* ---- preparing: the function and its arguments onto the stack -------------------------------- */

static bool is_bytecode(const struct request *r) {
  return r->source_size && r->source[0] == LUA_SIGNATURE[0];
}

struct preparation {
  const struct request *request;
  int failure; /* Lua's code for an error of the source; LUA_OK: none */
};

static int prepare_eval(lua_State *L, struct preparation *p) {
  const struct request *r = p->request;
  lua_pushfstring(L, "=%s", r->name);
  p->failure = LUA_ERRSYNTAX;
  if (is_bytecode(r)) return luaL_error(L, "%s: source expected, got bytecode", r->name);
  struct counted_source source = {r->source, r->source_size};
  p->failure = lua_load_text(L, counted_read, &source, lua_tostring(L, -1));
  if (p->failure) return lua_error(L);
  lua_remove(L, -2);
  return 1;
}

static void require_module(lua_State *L, const char *name, size_t size) {
  lua_getglobal(L, "require");
  lua_pushlstring(L, name, size);
  if (lua_isnil(L, -2)) {
    lua_remove(L, -2);
    return;
  }
  lua_call(L, 1, 1);
}

static void push_function(lua_State *L, const char *name) {
  const char *dot = strrchr(name, '.');
  lua_pushglobaltable(L);
  names_walk(L, name, NAMES_AS_PROGRAM);
  if (lua_isnil(L, -1) && dot) {
    lua_pop(L, 1);
    require_module(L, name, (size_t)(dot - name));
    names_walk(L, dot + 1, NAMES_AS_PROGRAM);
  }
  if (lua_isnil(L, -1)) luaL_error(L, "there is no function '%s'", name);
}

/* (preparation, light) → function, arguments … */
static int prepare(lua_State *L) {
  struct preparation *p = lua_touserdata(L, 1);
  const struct request *r = p->request;
  lua_settop(L, 0);
  if (r->kind == REQUEST_EVAL) return prepare_eval(L, p);
  push_function(L, r->name);
  if (r->message.len) transfer_decode(L, r->message.data, r->message.len);
  return lua_gettop(L);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

/* (place of the tree, result …): copies the results into a tree */
static int finish(lua_State *L) {
  struct tree **out = lua_touserdata(L, 1);
  struct bytes *text = transfer_encode(L, 2, lua_gettop(L) - 1, "result");
  struct bytes message = *text; /* taken over (state/transfer.h) */
  bytes_init(text);
  const status st = value_from_message(&message, out);
  if (st == STATUS_OK) return 0;
  value_discard_message(&message);
  if (st == -ENOMEM) return error_raise_memory(L);
  return luaL_error(L, "malformed result");
}

static struct outcome failed_with(lua_State *L, int err) { return outcome_failed(err, error_text(L)); }

/* The mm_err for results that could not be sent; the error is on top of the stack. */
static int reason_of_failure(struct vm *vm, int code) {
  if (vm_should_stop(vm)) return MM_ECANCELED;
  return code == LUA_ERRMEM ? MM_ENOMEM : MM_EUNSENDABLE;
}

/* The outcome with the results from `first` on, which are popped. Once they are copied they are
 * kept, even if a stop then raises its error again. */
static struct outcome outcome_of_results(lua_State *L, struct vm *vm, int first) {
  struct outcome outcome = {.state = 1};
  lua_pushcfunction(L, finish);
  lua_insert(L, first);
  lua_pushlightuserdata(L, &outcome.result);
  lua_insert(L, first + 1);
  const int failed = lua_pcall(L, lua_gettop(L) - first, 0, 0);
  if (failed && !outcome.result) outcome = failed_with(L, reason_of_failure(vm, failed));
  lua_settop(L, first - 1);
  return outcome;
}

static int memory_error(struct vm *vm) { return vm_has_limit(vm) ? MM_ELIMIT_MEM : MM_ENOMEM; }

/* The outcome for the error on top of L, with Lua's code. A stop becomes MM_ECANCELED; the caller
 * knows its reason. */
static struct outcome outcome_of_error(lua_State *L, struct vm *vm, int code) {
  const char *place = vm_stop_place(vm);
  if (vm_should_stop(vm)) return place ? outcome_failed(MM_ECANCELED, place) : failed_with(L, MM_ECANCELED);
  if (code == LUA_ERRMEM) return failed_with(L, memory_error(vm));
  return failed_with(L, MM_ERUN);
}

static bool prepare_on(lua_State *L, struct vm *vm, const struct request *r, struct outcome *failed) {
  struct preparation p = {.request = r};
  lua_pushcfunction(L, prepare);
  lua_pushlightuserdata(L, &p);
  const int code = lua_pcall(L, 1, LUA_MULTRET, 0);
  if (code == LUA_OK) return true;
  const bool is_syntax = p.failure == LUA_ERRSYNTAX && !vm_should_stop(vm);
  *failed = is_syntax ? failed_with(L, MM_ESYNTAX) : outcome_of_error(L, vm, p.failure ? p.failure : code);
  return false;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The message handler. It adds nothing to the error of a stop, because each instruction of a
 * __tostring would raise again. */
static int handle_error(lua_State *L) {
  if (vm_should_stop(vm_of(L)) || message_handlers_is_caught(L, 1)) return 1;
  lua_settop(L, 1);
  frames_describe_error(L, L, 1);
  return 1;
}

/* (request, place of the value), both light userdata */
static int call_function(lua_State *L) {
  const struct request *r = lua_touserdata(L, 1);
  int *value = lua_touserdata(L, 2);
  lua_settop(L, 0);
  *value = r->function(L, r->function_argument);
  return 0;
}

static struct outcome run_request_function(lua_State *L, struct vm *vm, const struct request *r) {
  struct outcome outcome = {.state = 1};
  lua_pushcfunction(L, call_function);
  lua_pushlightuserdata(L, (void *)(uintptr_t)r);
  lua_pushlightuserdata(L, &outcome.value);
  const int code = lua_pcall(L, 2, 0, 1);
  return code ? outcome_of_error(L, vm, code) : outcome;
}

static int collect(lua_State *L) {
  if (vm_of(L)->polling.pause)
    counted_collect(L);
  else
    lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

/* Their addresses are keys of the registry. */
static const char collect_key = 'c';
static const char beside_key = 'b'; /* a coroutine for collections in the middle of a request */

void run_request_prepare(lua_State *L) {
  lua_pushcfunction(L, collect);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &collect_key);
  lua_newthread(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &beside_key);
}

/* ---- collecting for a while ------------------------------------------------------------------ */

struct collecting {
  deadline until;
  bool is_over;
};

/* Lua 5.4 collects in generations, but for VMs that pause: then a step is a collection of the young. */
static int collect_steps(lua_State *L) {
  struct collecting *c = lua_touserdata(L, 1);
  const bool is_whole = LUA_HAS_GENERATIONS && !vm_of(L)->polling.pause;
  do c->is_over = lua_gc(L, LUA_GCSTEP, 0) || is_whole;
  while (!c->is_over && !deadline_passed(c->until));
  return 0;
}

/* An error of a finalizer ends the collection, not the job. */
static bool collect_for(lua_State *L, uint32_t budget_us) {
  struct collecting c = {.until = {clock_now_ns() + (int64_t)budget_us * 1000}};
  if (lua_try(L, collect_steps, &c)) lua_pop(L, 1);
  return c.is_over;
}

bool run_request_collect_beside(struct vm *vm, uint32_t budget_us) {
  lua_State *L = vm_lua(vm);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &beside_key);
  lua_State *beside = lua_tothread(L, -1);
  lua_pop(L, 1);
  return collect_for(beside, budget_us);
}

/* After a request that reached the memory limit: collects its garbage. LuaJIT would not do it
 * before the next request fails, too. There is no memory for a new function. */
static void recover(lua_State *L, const struct outcome *outcome) {
  if (outcome->state != -MM_ELIMIT_MEM) return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &collect_key);
  if (lua_pcall(L, 0, 0, 0)) lua_pop(L, 1); /* a finalizer's error */
}

/* Completes the outcome after a protected call of this file with that code. An outcome that exists
 * is kept, even if a stop then raises its error again. */
static void settle(lua_State *L, struct vm *vm, int code, struct outcome *outcome) {
  if (!code) return;
  if (!outcome->state) *outcome = outcome_of_error(L, vm, code);
  lua_pop(L, 1);
}

/* ---- coroutine jobs -------------------------------------------------------------------------- */

/* Calls f(job, the `count` values on top), above the message handler at index 1. */
static struct outcome run_coroutine(lua_State *L, struct vm *vm, lua_CFunction f, uint64_t number,
                                    int count) {
  struct frames_job job = {.number = number};
  lua_pushcfunction(L, f);
  lua_insert(L, -count - 1);
  lua_pushlightuserdata(L, &job);
  lua_insert(L, -count - 1);
  const int code = lua_pcall(L, count + 1, LUA_MULTRET, 0);
  if (job.waits) {
    lua_settop(L, 1);
    return (struct outcome){.state = OUTCOME_WAITS};
  }
  frames_forget(L, number);
  if (f == frames_drop && !code) return failed_with(L, MM_ECANCELED);
  return code ? outcome_of_error(L, vm, job.code == LUA_ERRMEM ? LUA_ERRMEM : code)
              : outcome_of_results(L, vm, 2);
}

/* The argument of run_request_protected. */
struct run {
  struct vm *vm;
  const struct request *request;
  struct outcome outcome;
};

static int run_request_protected(lua_State *L) {
  struct run *run = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, handle_error);
  const struct request *r = run->request;
  if (r->kind == REQUEST_FUNCTION) {
    run->outcome = run_request_function(L, run->vm, r);
  } else if (r->kind == REQUEST_COLLECT) {
    run->outcome = (struct outcome){.state = 1, .value = collect_for(L, r->budget_us)};
  } else if (r->kind == REQUEST_RESUME || r->kind == REQUEST_DROP) {
    const lua_CFunction f = r->kind == REQUEST_RESUME ? frames_resume : frames_drop;
    run->outcome = run_coroutine(L, run->vm, f, r->coroutine, 0);
  } else if (!prepare_on(L, run->vm, r, &run->outcome)) {
    return 0;
  } else if (r->coroutine) {
    run->outcome = run_coroutine(L, run->vm, frames_begin, r->coroutine, lua_gettop(L) - 1);
  } else {
    const int code = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
    run->outcome = code ? outcome_of_error(L, run->vm, code) : outcome_of_results(L, run->vm, 2);
  }
  return 0;
}

struct outcome run_request(struct vm *vm, const struct request *request) {
  lua_State *L = vm_lua(vm);
  struct run run = {vm, request, {0}};
  settle(L, vm, lua_try(L, run_request_protected, &run), &run.outcome);
  recover(L, &run.outcome);
  return run.outcome;
}
