/* SPDX-License-Identifier: MIT */
#include "core/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/settings.h"
#include "core/system.h"
#include "core/waiting.h"
#include "state/caller.h"
#include "state/error.h"
#include "state/message_handlers.h"
#include "state/method_hint.h"
#include "state/traceback.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

static int encode_value(lua_State *L) {
  const struct bytes *text = transfer_encode(L, 1, 1, "error");
  lua_pushlstring(L, (const char *)text->data, text->len);
  return 1;
}

static void set_value(lua_State *L, int value, int failure) {
  lua_pushcfunction(L, encode_value);
  lua_pushvalue(L, value);
  if (lua_pcall(L, 1, 1, 0))
    lua_pop(L, 1);
  else
    lua_setfield(L, failure, "value");
}

static void set_kind(lua_State *L, int failure, const char *kind) {
  lua_pushstring(L, kind);
  lua_setfield(L, failure, "kind");
}

/* A deadlock in a worker is one to its caller as well; other errors of errors are errors. */
static const char *kind_of(lua_State *L, int value) {
  const char *kind = "error";
  if (!lua_istable(L, value) || !luaL_getmetafield(L, value, "__name")) return kind;
  const bool is_error = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "mm.Error") == 0;
  lua_pushliteral(L, "kind");
  lua_rawget(L, value);
  if (is_error && lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "deadlock") == 0)
    kind = "deadlock";
  lua_pop(L, 2);
  return kind;
}

/* "not enough memory", in a VM that has a limit, does not mean that the machine has none. */
static void push_message(lua_State *L, int value) {
  error_push_text(L, value);
  const bool is_of_memory =
      lua_type(L, value) == LUA_TSTRING && strstr(lua_tostring(L, -1), "not enough memory");
  if (!is_of_memory || !vm_has_limit(vm_of(L))) return;
  lua_pushliteral(L, ": the worker has reached its limit (the option memory)");
  lua_concat(L, 2);
}

static int push_failure(lua_State *L, int value, const char *kind) {
  lua_createtable(L, 0, 5);
  const int failure = lua_gettop(L);
  set_kind(L, failure, kind);
  push_message(L, value);
  lua_setfield(L, failure, "message");
  settings_push_name(L);
  lua_setfield(L, failure, "worker");
  return failure;
}

/* In a VM that must stop, each instruction of a __tostring would raise again. */
int failure_handler(lua_State *L) {
  struct vm *vm = vm_of(L);
  if ((vm && vm_should_stop(vm)) || message_handlers_is_caught(L, 1)) return 1;
  caller_strip_own(L, L, 1);
  method_hint_add(L, L, 1);
  const int value = lua_gettop(L);
  const int failure = push_failure(L, value, kind_of(L, value));
  traceback_push(L, L, NULL, 1);
  lua_setfield(L, failure, "traceback");
  set_value(L, value, failure);
  return 1;
}

static void replace_by_failure(lua_State *L, const char *kind) {
  const int value = lua_gettop(L);
  const int failure = push_failure(L, value, kind);
  lua_pushliteral(L, "");
  lua_setfield(L, failure, "traceback");
  lua_replace(L, value);
}

void failure_unsendable(lua_State *L) { replace_by_failure(L, "unsendable"); }

void failure_complete(lua_State *L) {
  if (lua_istable(L, -1)) return;
  lua_gc(L, LUA_GCCOLLECT, 0);
  replace_by_failure(L, "error");
}

/* Its reader may be slow, and the other threads of the VM do not wait for it. */
static void put_on_stderr(void *text) {
  fputs(text, stderr);
  fflush(stderr);
}

void failure_report(lua_State *L, const char *name) {
  lua_getfield(L, -1, "message");
  lua_getfield(L, -2, "traceback");
  const char *traceback = lua_tostring(L, -1);
  lua_pushstring(L, name);
  printable_push(L, -1, PRINTABLE_TEXT);
  lua_pushfstring(L, "%s: %s%s%s\n", lua_tostring(L, -1), lua_tostring(L, -4),
                  traceback && *traceback ? "\n" : "", traceback ? traceback : "");
  waiting_leave(L, TRACE_CALL_FILE, put_on_stderr, (void *)(uintptr_t)lua_tostring(L, -1));
  lua_pop(L, 5);
}

static int report(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  settings_push_name(L);
  const char *name = lua_tostring(L, -1);
  lua_pushvalue(L, 1);
  if (!lua_istable(L, -1)) failure_handler(L);
  failure_report(L, name ? name : "worker");
  return 0;
}

int failure_judge(lua_State *L, const struct vm_thread *self) {
  const int stop = atomic_load(&self->stop);
  if (stop >= VM_STOP_TERMINATE) return atomic_load(&self->exit_code);
  if (stop == VM_STOP_INTERRUPT) return EXIT_FAILURE;
  lua_pushcfunction(L, report);
  lua_insert(L, -2);
  if (lua_pcall(L, 1, 0, 0))
    fprintf(stderr, "worker: error while reporting an error: %s\n", lua_tostring(L, -1));
  return EXIT_FAILURE;
}

/* ---- the stack of a caller ------------------------------------------------------------------- */

enum { STACK_TEXT_MAX = 2048 };

int stack_of_caller(lua_State *L) {
  char text[STACK_TEXT_MAX];
  luaL_checkstack(L, 4, "no room for a stack");
  const size_t size = traceback_write(L, 1, text, sizeof text);
  size_t last_size = 0;
  const char *last = lua_tolstring(L, 1, &last_size);
  if (last && last_size == size && memcmp(last, text, size) == 0)
    lua_settop(L, 1);
  else
    lua_pushlstring(L, text, size);
  return 1;
}
