/* SPDX-License-Identifier: MIT */
/* A worker in five steps: settings, globals, the function, the end of its children, the exit code.
 *
 * In an interpreter, and in a process that was not forked, the VM is new and all comes from the
 * start info. In a forked child the VM is a copy of the parent's, and has the values already.
 */
#include "worker/worker_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/arguments.h"
#include "core/failure.h"
#include "core/settings.h"
#include "locks/held_locks.h"
#include "memory/tracker.h"
#include "os/alarm.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"
#include "process/sandboxed.h"
#include "shared/segment.h"
#include "state/caller.h"
#include "state/coroutines.h"
#include "state/globals.h"
#include "state/hook_permission.h"
#include "state/library.h"
#include "state/message_handlers.h"
#include "state/originals.h"
#include "state/random.h"
#include "state/sampler.h"
#include "state/stack_walk.h"
#include "state/stop_point.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"
#include "state/vm_open.h"
#include "worker/gil.h"
#include "worker/guarded.h"

enum { EXIT_ERROR = 1 };

/* ---- settings -------------------------------------------------------------------------------- */

static void set_package_field(lua_State *L, int settings, const char *field) {
  lua_getglobal(L, "package");
  if (!lua_istable(L, -1)) { /* the worker's VM does not have this library */
    lua_pop(L, 1);
    return;
  }
  lua_getfield(L, settings, field);
  if (lua_isstring(L, -1))
    lua_setfield(L, -2, field);
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

/* os.exit in a worker ends only the worker: an interpreter shares its process with others, and a
 * forked child must not run the exit handlers of its parent. */
static int worker_exit(lua_State *L) {
  vm_raise_exit(L, vm_of(L), argument_exit_status(L, 1));
  return 0;
}

/* Before the globals, which may include a function of the program that calls the original. */
static void replace_original_exit(lua_State *L) {
  lua_pushcfunction(L, worker_exit);
  originals_replace(L, LUA_OSLIBNAME, "exit");
}

/* After the globals, which may include the os.exit of a host. */
static void replace_exit(lua_State *L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  const int os = lua_gettop(L);
  if (lua_istable(L, os)) {
    lua_pushliteral(L, "exit");
    lua_rawget(L, os);
    if (!originals_is_replaced(L, -1, LUA_OSLIBNAME, "exit")) {
      lua_pushliteral(L, "exit");
      lua_pushcfunction(L, worker_exit);
      lua_rawset(L, os);
    }
  }
  lua_settop(L, os - 1);
}

static void keep_settings(lua_State *L, int settings) {
  settings_keep(L, settings);
  lua_getfield(L, settings, "name");
  lua_getfield(L, settings, "world");
  const char *name = lua_tostring(L, -2);
  const char *world = lua_tostring(L, -1);
  if (name) trace_name_thread(name);
  vm_thread_name(&vm_of(L)->main, name ? name : "", world ? world : "");
  lua_pop(L, 2);
}

static void apply_settings(lua_State *L, int settings) {
  keep_settings(L, settings);
  set_package_field(L, settings, "path");
  set_package_field(L, settings, "cpath");
  lua_getfield(L, settings, "arg");
  lua_setglobal(L, "arg");
  lua_getglobal(L, "package");
  if (lua_istable(L, -1)) vm_of(L)->library->preload(L);
  lua_pop(L, 1);
}

/* ---- the work -------------------------------------------------------------------------------- */

void stops_prepare(lua_State *L) {
  static const char key[] = "manymoons.stops";
  if (!vm_of(L)->is_adopted) return; /* vm_open has done it */
  lua_getfield(L, LUA_REGISTRYINDEX, key);
  const bool is_done = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (is_done) return;
  vm_track_coroutines(L);
  message_handlers_guard(L);
  hook_permission_prepare(L);
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, key);
}

struct life {
  const struct vm_library *library;
  const struct start_info *start_info;
  struct worker_status *worker_status;
  enum worker_place place;
};

/* Whether the worker may be stopped in the middle of a command that it runs. */
static bool is_limited(const struct start_info *b) {
  return b->role == START_INFO_POOL_WORKER || b->limits.timeout_ns > 0;
}

static void run_role(lua_State *L, const struct life *life, int count) REQUIRES(rank_vm) {
  settings_bind_processors(L);
  settings_push(L);
  lua_getfield(L, -1, "name");
  const char *name = lua_isstring(L, -1) ? lua_tostring(L, -1) : "worker";
  worker_status_introduce(life->worker_status, name, (uintptr_t)&vm_of(L)->main);
  lua_pop(L, 2);
  if (!worker_status_run(life->worker_status)) process_exit_now(EXIT_ERROR);
  if (life->place == WORKER_IN_PROCESS && is_limited(life->start_info)) process_lead_group();
  STOP_POINT("worker.runs");
  if (vm_should_stop(vm_of(L))) vm_raise_stop(L, vm_of(L)); /* it was asked to before there was a VM */
  life->library->roles[life->start_info->role](L, life->start_info, life->worker_status, count);
}

void worker_call(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                 int count) {
  (void)start_info;
  (void)worker_status;
  lua_pushcfunction(L, caller_run);
  lua_insert(L, -count - 1);
  lua_call(L, count, 0);
}

/* (life, a light userdata) → nothing. Handles are registered before the first message is
 * decoded. */
static int live(lua_State *L) REQUIRES(rank_vm) {
  const struct life *life = lua_touserdata(L, 1);
  const struct start_info *b = life->start_info;
  lua_settop(L, 0);
  STOP_POINT("worker.begins");
  life->library->open_handles(L);
  STOP_POINT("worker.has_handles");
  transfer_decode(L, start_info_data(b, b->settings), b->settings.size);
  STOP_POINT("worker.has_settings");
  apply_settings(L, 1);
  STOP_POINT("worker.is_set");
  lua_settop(L, 0);
  replace_original_exit(L);
  globals_install(L, start_info_data(b, b->image), b->image.size);
  STOP_POINT("worker.has_globals");
  replace_exit(L);
  if (sandboxed_is()) guarded_refuse_programs(L);
  const int count = transfer_decode(L, start_info_data(b, b->payload), b->payload.size);
  STOP_POINT("worker.has_function");
  start_info_unload(b);
  STOP_POINT("worker.is_unloaded");
  run_role(L, life, count);
  return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool is_of_library(int32_t pid) { return segment_has_process(pid) || tracker_is(pid); }

void worker_end_commands(int32_t thread) { process_end_children(thread, is_of_library); }

/* `thread`: the calling one. Commands that a worker has open when it is stopped end with it. */
static int finish(lua_State *L, const struct vm_library *library, int32_t thread, int failed) {
  struct vm *vm = vm_of(L);
  const bool was_stopped = vm_was_stopped(&vm->main);
  STOP_POINT("worker.has_run");
  const int code = failed || was_stopped ? failure_judge(L, &vm->main) : EXIT_SUCCESS;
  STOP_POINT("worker.is_judged");
  coroutines_end(L, vm, was_stopped);
  STOP_POINT("worker.has_cleaned_up");
  if (was_stopped) worker_end_commands(thread);
  vm_end_stops(vm);
  STOP_POINT("worker.stops_no_more");
  vm_limit_memory(vm, 0);
  lua_settop(L, 0);
  library->end_workers(L, was_stopped ? SHUTDOWN_TERMINATE : SHUTDOWN_JOIN);
  STOP_POINT("worker.has_no_children");
  struct held_locks *held_locks = held_locks_of(L);
  if (held_locks) held_locks_end(held_locks, code != EXIT_SUCCESS);
  STOP_POINT("worker.holds_nothing");
  gil_settle(vm);
  return code;
}

status worker_open_vm(struct vm **out, const struct start_info *start_info) {
  const struct start_info_limits *limits = &start_info->limits;
  const struct vm_options options = {.libraries = limits->libraries, .memory_limit = (size_t)limits->memory};
  if (limits->nice) thread_be_nice(limits->nice);
  status st = vm_open(out, &options);
  if (st || !limits->memory) return st;
  st = vm_limit_shared_memory(*out, options.memory_limit);
  if (st) vm_close(*out);
  return st;
}

/* (life, a light userdata) → nothing; raises the failure of `live`. */
static int live_in_protection(lua_State *L) {
  struct life *life = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, failure_handler);
  lua_pushcfunction(L, live);
  lua_pushlightuserdata(L, life);
  return lua_pcall(L, 1, 0, 1) ? lua_error(L) : 0;
}

/* Two alarms: one asks the VM to stop, repeatedly; the other kills the process after a grace
 * time. */
struct time_limit {
  struct thread_alarm stop;
  struct thread_alarm kill;
  bool has_stop;
  bool has_kill;
};

static struct time_limit limit_time(struct vm *vm, int64_t timeout_ns, enum worker_place place) {
  enum { ASK_AGAIN_NS = 1000000 };
  const int64_t grace_ns = 1000000000;
  struct time_limit l = {.has_stop = false};
  if (!timeout_ns || vm_prepare_stops()) return l;
  const deadline until = {clock_now_ns() + timeout_ns};
  atomic_store(&vm->main.exit_code, -SIGALRM);
  if (lua_is_jit() && place == WORKER_IN_THREAD) lua_turn_jit_off(vm_lua(vm));
  vm_stop_at(vm, until);
  l.has_stop = alarm_make(&l.stop, SIGNAL_INTERRUPT) == STATUS_OK;
  if (l.has_stop) alarm_start(&l.stop, until, ASK_AGAIN_NS);
  l.has_kill = place == WORKER_IN_PROCESS && alarm_make(&l.kill, SIGALRM) == STATUS_OK;
  if (l.has_kill) alarm_start(&l.kill, (deadline){until.ns + grace_ns}, grace_ns);
  return l;
}

static void unlimit_time(struct time_limit *l) {
  if (l->has_stop) alarm_destroy(&l->stop);
  if (l->has_kill) alarm_destroy(&l->kill);
}

/* The caller has entered the VM, which the analysis does not know of a VM that it opened. */
int worker_run(struct vm *vm, const struct vm_library *library, const struct start_info *start_info,
               struct worker_status *worker_status, enum worker_place place) NO_THREAD_SAFETY_ANALYSIS {
  lua_State *L = vm_lua(vm);
  struct life life = {library, start_info, worker_status, place};
  vm_grant_grace(vm);
  STOP_POINT("worker.has_grace");
  vm->has_no_input = place == WORKER_IN_THREAD;
  if (place == WORKER_IN_PROCESS) vm_obey_sigterm(vm);
  if (place == WORKER_IN_PROCESS)
    (void)!vm_prepare_requests(); /* without a signal it is not seen while it runs */
  sampler_follow(L, vm);
  struct time_limit limit = limit_time(vm, start_info->limits.timeout_ns, place);
  const int failed = lua_try(L, live_in_protection, &life);
  const int code = finish(L, life.library, atomic_load(&worker_status->tid), failed);
  unlimit_time(&limit);
  return code;
}

/* The whole stack is: life, settings, function, arguments. */
static int live_forked(lua_State *L) REQUIRES(rank_vm) {
  const struct life *life = lua_touserdata(L, 1);
  lua_remove(L, 1);
  keep_settings(L, 1);
  replace_original_exit(L);
  replace_exit(L);
  stops_prepare(L);
  life->library->after_fork(L);
  random_reseed(L);
  lua_remove(L, 1);
  run_role(L, life, lua_gettop(L));
  return 0;
}

/* The copied VM lock is held by the copied thread. */
void worker_run_forked(lua_State *L, int settings, const struct start_info *start_info,
                       struct worker_status *worker_status) NO_THREAD_SAFETY_ANALYSIS {
  struct vm *vm = vm_of(L);
  struct life life = {vm->library, start_info, worker_status, WORKER_IN_PROCESS};
  setvbuf(stdout, NULL, _IOLBF, 0);
  vm->main.message = (struct ring_message){0}; /* the parent's */
  vm->standstill_ns = 0;                       /* which the parent says */
  trace_worker_start();
  trace_mark(TRACE_LOCK_TAKEN); /* the copied VM lock is held by the copied thread */
  vm_bind_thread(vm);
  stack_walk_begin_here(&vm->main);
  vm_grant_grace(vm);
  vm_obey_sigterm(vm);
  (void)!vm_prepare_requests(); /* without a signal it is not seen while it runs */
  sampler_follow(L, vm);
  vm_obey(vm, &worker_status->stop_requested);
  const int count = lua_gettop(L) - settings + 1;
  lua_pushcfunction(L, failure_handler);
  lua_insert(L, settings);
  lua_pushcfunction(L, live_forked);
  lua_insert(L, settings + 1);
  lua_pushlightuserdata(L, &life);
  lua_insert(L, settings + 2);
  const int failed = lua_pcall(L, count + 1, 0, settings);
  const int code = finish(L, life.library, atomic_load(&worker_status->tid), failed);
  if (code == EXIT_SUCCESS) segment_release_all(OBJECT_SYNCHRONIZER);
  fflush(NULL);
  trace_worker_end();
  worker_status_end(worker_status, code);
  if (code < 0) signals_end_process(-code);
  process_exit_now(code < 0 ? EXIT_ERROR : code);
}
