/* SPDX-License-Identifier: MIT */
/* A request is prepared, run and finished, each in a protected call of its own, because the meaning
 * of an error depends on the step. A request in pieces is suspended by a count hook, in its own
 * coroutine alone: a yield in a coroutine of the script would return from the script's resume. */
#include "c/run_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "c/value.h"
#include "os/clock.h"
#include "state/error.h"
#include "state/names.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"
#include "state/yieldable.h"

enum { SLICE_INSTRUCTIONS = 500 };

static const char piece_key; /* its address is a key of the registry */

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
  p->failure = luaL_loadbuffer(L, r->source ? r->source : "", r->source_size, lua_tostring(L, -1));
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
  if (vm_should_stop(vm)) return failed_with(L, MM_ECANCELED);
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

/* ---- in one go ------------------------------------------------------------------------------- */

/* The message handler. It adds nothing to the error of a stop, because each instruction of a
 * __tostring would raise again. */
static int handle_error(lua_State *L) {
  if (vm_should_stop(vm_of(L))) return 1;
  error_push_text(L, 1);
  lua_trace(L, L, lua_tostring(L, -1), 1);
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
  lua_gc(L, LUA_GCCOLLECT, 0);
  return 0;
}

/* After a request that reached the memory limit: collects its garbage. LuaJIT would not do it
 * before the next request fails, too. */
static void recover(lua_State *L, const struct outcome *outcome) {
  if (outcome->state != -MM_ELIMIT_MEM) return;
  if (lua_try(L, collect, NULL)) lua_pop(L, 1); /* a finalizer's error */
}

/* Completes the outcome after a protected call of this file with that code. An outcome that exists
 * is kept, even if a stop then raises its error again. */
static void settle(lua_State *L, struct vm *vm, int code, struct outcome *outcome) {
  if (!code) return;
  if (!outcome->state) *outcome = outcome_of_error(L, vm, code);
  lua_pop(L, 1);
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
  if (run->request->kind == REQUEST_FUNCTION) {
    run->outcome = run_request_function(L, run->vm, run->request);
  } else if (prepare_on(L, run->vm, run->request, &run->outcome)) {
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

/* ---- in pieces ------------------------------------------------------------------------------- */

struct piece {
  lua_State *co;
  int arguments; /* of the first resume */
  int64_t until_ns;
};

static struct piece *find_piece(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &piece_key);
  struct piece *p = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return p;
}

static void slice_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  vm_poll_stop(L);
  const struct piece *p = find_piece(L);
  if (p && p->co == L && clock_now_ns() >= p->until_ns && yieldable(L)) lua_yield(L, 0);
}

/* Makes a piece and its coroutine, which the registry keeps. [-0, +0, memory] */
static struct piece *make_piece(lua_State *L) {
  struct piece *p = lua_newuserdata(L, sizeof *p);
  *p = (struct piece){0};
  p->co = lua_newthread(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &piece_key);
  return p;
}

void run_request_abandon(struct vm *vm) {
  lua_State *L = vm_lua(vm);
  struct piece *p = find_piece(L);
  if (!p) return;
  if (p->co) lua_resetthread(p->co); /* closes pending to-be-closed variables */
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, p);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &piece_key);
}

struct beginning {
  struct vm *vm;
  const struct request *request;
  struct outcome *failed;
  bool is_begun;
};

static int begin_protected(lua_State *L) {
  struct beginning *b = lua_touserdata(L, 1);
  lua_settop(L, 0);
  struct piece *p = make_piece(L);
  if (!prepare_on(L, b->vm, b->request, b->failed)) return 0;
  const int count = lua_gettop(L);
  luaL_checkstack(p->co, count, "too many arguments");
  p->arguments = count - 1;
  lua_xmove(L, p->co, count);
  b->is_begun = true;
  return 0;
}

bool run_request_begin(struct vm *vm, const struct request *request, struct outcome *failed) {
  lua_State *L = vm_lua(vm);
  struct beginning b = {vm, request, failed, false};
  settle(L, vm, lua_try(L, begin_protected, &b), failed);
  if (!b.is_begun) run_request_abandon(vm);
  return b.is_begun;
}

/* (coroutine, light; error value) → text with the coroutine's traceback */
static int trace_error(lua_State *L) {
  error_push_text(L, 2);
  lua_trace(L, lua_touserdata(L, 1), lua_tostring(L, -1), 0);
  return 1;
}

/* The end of the coroutine. */
struct ending {
  struct vm *vm;
  lua_State *co;
  int code;
  int results;
  struct outcome outcome;
};

static int end_protected(lua_State *L) {
  struct ending *e = lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_checkstack(L, e->results + 4, "too many results");
  lua_xmove(e->co, L, e->results);
  if (e->code == LUA_OK) {
    e->outcome = outcome_of_results(L, e->vm, 1);
    return 0;
  }
  if (!vm_should_stop(e->vm) && e->code != LUA_ERRMEM) {
    lua_pushcfunction(L, trace_error);
    lua_insert(L, 1);
    lua_pushlightuserdata(L, e->co);
    lua_insert(L, 2);
    lua_call(L, 2, 1);
  }
  e->outcome = outcome_of_error(L, e->vm, e->code);
  return 0;
}

static struct outcome outcome_of_piece(struct vm *vm, lua_State *co, int code, int results) {
  lua_State *L = vm_lua(vm);
  struct ending e = {vm, co, code, code == LUA_OK ? results : 1, {0}};
  settle(L, vm, lua_try(L, end_protected, &e), &e.outcome);
  return e.outcome;
}

bool run_request_resume(struct vm *vm, deadline until, struct outcome *out) {
  struct vm_thread *t = &vm->main;
  struct piece *p = find_piece(vm_lua(vm));
  lua_State *co = p->co;
  int results = 0;
  p->until_ns = until.ns;
  lua_sethook(co, slice_hook, LUA_MASKCOUNT, SLICE_INSTRUCTIONS);
  atomic_store(&t->running, co);
  const int code = lua_resume_from(co, vm_lua(vm), p->arguments, &results);
  atomic_store(&t->running, vm_lua(vm));
  p->arguments = 0;
  if (code == LUA_YIELD) {
    lua_pop(co, results); /* a script that yields at its top level resumes without values */
    return false;
  }
  *out = outcome_of_piece(vm, co, code, results);
  run_request_abandon(vm);
  recover(vm_lua(vm), out);
  return true;
}
