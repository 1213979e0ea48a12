/* SPDX-License-Identifier: MIT */
#include "core/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/arguments.h"
#include "core/settings.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "os/environment.h"
#include "os/futex.h"
#include "os/machine.h"
#include "os/private_file.h"
#include "os/process.h"
#include "os/processors.h"
#include "os/regular_file.h"
#include "os/service_manager.h"
#include "os/signals.h"
#include "os/terminal.h"
#include "process/sandboxed.h"
#include "shared/segment.h"
#include "state/sampler.h"
#include "state/vm_interrupt.h"

enum { WORKERS_MAX = 1024, COMMAND_MAX = 4096, REGULAR_FILE_MAX = 16 << 20, PATH_OF_FILE_MAX = 4096 };

int system_time(lua_State *L) {
  lua_pushnumber(L, (lua_Number)clock_now_ns() * 1e-9);
  return 1;
}

/* A sleep is a wait without an event, so that a stop ends it like any other wait. */
static status attempt_sleep(void *context, deadline until) {
  futex_word *never = context;
  return futex_wait(never, 0, until);
}

int system_sleep(lua_State *L) REQUIRES(rank_vm) {
  const lua_Number seconds = luaL_checknumber(L, 1);
  futex_word never = 0;
  const deadline until = deadline_after(seconds);
  raise_if_stopped(L, wait_for(L, TRACE_CALL_SLEEP, attempt_sleep, &never, until));
  return 0;
}

int system_is_asked_to_stop(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm); /* on LuaJIT no hook does */
  lua_pushboolean(L, vm_is_asked_to_stop(vm));
  return 1;
}

int system_is_stopped(lua_State *L) {
  lua_pushboolean(L, vm_should_stop(vm_of(L)));
  return 1;
}

int system_set_late(lua_State *L) {
  vm_self(vm_of(L))->grace.is_late = lua_toboolean(L, 1);
  return 0;
}

int system_tell_service_manager(lua_State *L) {
  lua_pushboolean(L, service_manager_tell(luaL_checkstring(L, 1)) == STATUS_OK);
  return 1;
}

int system_is_terminal(lua_State *L) {
  lua_pushboolean(L, terminal_is((int)luaL_checkinteger(L, 1)));
  return 1;
}

/* MANYMOONS_WORKERS replaces the number of processors, which is the default number of workers. */
int system_cpu_count(lua_State *L) {
  const char *text = environment_get("MANYMOONS_WORKERS");
  char *end = NULL;
  const long wanted = text ? strtol(text, &end, 10) : 0;
  if (text && *text && (*end || wanted < 1 || wanted > WORKERS_MAX))
    luaL_error(L, "MANYMOONS_WORKERS: a whole number from 1 to %d expected, got '%s'", WORKERS_MAX, text);
  lua_pushinteger(L, wanted > 0 ? (lua_Integer)wanted : processors_count());
  return 1;
}

int system_environment(lua_State *L) {
  lua_pushstring(L, environment_get(luaL_checkstring(L, 1)));
  return 1;
}

int system_thread_count(lua_State *L) {
  lua_pushinteger(L, thread_count() - sampler_threads());
  return 1;
}

int system_pid(lua_State *L) {
  lua_pushinteger(L, process_pid());
  return 1;
}

/* A sandboxed worker may not ask, and ends with its parent. */
int system_process_is_alive(lua_State *L) {
  const pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  int watch = -1;
  status st = sandboxed_is() ? STATUS_TIMEOUT : process_watch(&watch, pid);
  if (st == STATUS_OK) {
    st = process_wait_end(watch, deadline_now());
    process_unwatch(watch);
    if (st == STATUS_OK) st = -ESRCH;
  }
  lua_pushboolean(L, st != -ESRCH);
  return 1;
}

/* Frees the text. */
static int return_text(lua_State *L, status st, struct bytes *text) {
  if (st == STATUS_OK) lua_pushlstring(L, (const char *)text->data, text->len);
  bytes_fini(text);
  return st ? return_failure(L, st) : 1;
}

int system_read_private_file(lua_State *L) {
  struct bytes text;
  bytes_init(&text);
  return return_text(L, private_file_read(luaL_checkstring(L, 1), &text), &text);
}

int system_read_regular_file(lua_State *L) {
  struct bytes text;
  bytes_init(&text);
  char path[PATH_OF_FILE_MAX];
  process_resolve_path(luaL_optinteger(L, 2, 0), luaL_checkstring(L, 1), path, sizeof path);
  return return_text(L, regular_file_read(path, REGULAR_FILE_MAX, &text), &text);
}

int system_create_private_file(lua_State *L) {
  size_t size = 0;
  const char *path = luaL_checkstring(L, 1);
  const char *text = luaL_checklstring(L, 2, &size);
  const status st = private_file_create(path, text, size);
  return return_status(L, st == -EEXIST ? STATUS_OK : st);
}

int system_signal_descriptor(lua_State *L) {
  int fd = -1;
  const status st = signals_open_descriptor(&fd);
  if (st) return return_failure(L, st);
  lua_pushinteger(L, fd);
  return 1;
}

int system_read_signal(lua_State *L) {
  lua_pushinteger(L, signals_read_descriptor((int)luaL_checkinteger(L, 1)));
  return 1;
}

static void set_text(lua_State *L, const char *name, const char *text) {
  if (!text[0]) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

int system_machine(lua_State *L) {
  struct machine m;
  char governor[PROCESSOR_GOVERNOR_MAX];
  machine_describe(&m);
  lua_newtable(L);
  set_text(L, "name", m.name);
  set_text(L, "processor", m.processor);
  set_text(L, "system", m.system);
  processor_governor(governor);
  set_text(L, "governor", governor);
  set_integer(L, "processors", m.processors);
  set_integer(L, "memory", (lua_Integer)m.memory);
  lua_pushnumber(L, m.load);
  lua_setfield(L, -2, "load");
  return 1;
}

int system_processors(lua_State *L) {
  int numbers[PROCESSORS_MAX];
  const size_t count = processors_allowed(numbers, PROCESSORS_MAX);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_pushinteger(L, numbers[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

int system_allow_processors(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  return return_status(L, settings_allow_processors(L, 1));
}

int system_program_file(lua_State *L) {
  char path[COMMAND_MAX];
  const status st = process_executable(path, sizeof path);
  if (st) return return_failure(L, st);
  lua_pushstring(L, path);
  return 1;
}

int system_program_path(lua_State *L) {
  lua_pushstring(L, process_own_path());
  return 1;
}

int system_process_memory(lua_State *L) {
  uint64_t bytes = 0;
  if (process_memory(luaL_checkinteger(L, 1), &bytes)) return 0;
  lua_pushinteger(L, (lua_Integer)bytes);
  return 1;
}

int system_process_command(lua_State *L) {
  char text[COMMAND_MAX];
  size_t length = 0;
  if (process_command(luaL_checkinteger(L, 1), text, sizeof text, &length)) return 0;
  lua_pushlstring(L, text, length);
  return 1;
}

void printable_push(lua_State *L, int index, enum printable_as as) {
  size_t size = 0;
  const char *text = lua_tolstring(L, index, &size);
  char *room = lua_newuserdata(L, PRINTABLE_GROWTH * size + 1);
  lua_pushlstring(L, room, printable_write(room, text, size, as));
  lua_remove(L, -2);
}

int printable_call(lua_State *L) {
  static const char *const forms[] = {"text", "json", NULL};
  luaL_checkstring(L, 1);
  printable_push(L, 1, luaL_checkoption(L, 2, "text", forms) == 1 ? PRINTABLE_JSON : PRINTABLE_TEXT);
  return 1;
}

/* ---- forked children ------------------------------------------------------------------------- */

static const char function_key = 'f'; /* their addresses are the keys; never written */
static const char epoch_key = 'e';

static void note_epoch(lua_State *L) {
  lua_pushnumber(L, segment_epoch());
  lua_rawsetp(L, LUA_REGISTRYINDEX, &epoch_key);
}

void after_fork_keep(lua_State *L) {
  lua_rawsetp(L, LUA_REGISTRYINDEX, &function_key);
  note_epoch(L);
}

void after_fork_settle(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &epoch_key);
  const bool is_settled = lua_isnil(L, -1) || lua_tonumber(L, -1) == segment_epoch();
  lua_pop(L, 1);
  if (is_settled) return;
  note_epoch(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &function_key);
  lua_call(L, 0, 0);
}

int after_fork_settle_call(lua_State *L) {
  after_fork_settle(L);
  return 0;
}
