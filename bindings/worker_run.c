/* SPDX-License-Identifier: MIT */
/* A worker's life in five steps: settings, globals, the function, its children's end, the exit code.
 *
 * In an interpreter and in a process that was run anew the VM is fresh and everything comes from the birth;
 * in a forked child the VM is the parent's copy and everything is there already.
 */
#include "worker_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "failure.h"
#include "gil.h"
#include "held.h"
#include "module.h"
#include "os/process.h"
#include "pool_worker.h"
#include "settings.h"
#include "state/globals.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

enum { EXIT_ERROR = 1 };

/* ---- settings
 * ------------------------------------------------------------------------------------------------ */

static void set_package_field(lua_State *L, int settings, const char *field) {
  lua_getglobal(L, "package");
  lua_getfield(L, settings, field);
  if (lua_isstring(L, -1))
    lua_setfield(L, -2, field);
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

/* os.exit in a worker ends the worker: in an interpreter there are others in the process, and in a process
 * the exit handlers of whoever it was forked from are not its own. */
static int worker_exit(lua_State *L) {
  vm_raise_exit(L, vm_of(L), argument_exit_status(L, 1));
  return 0;
}

static void replace_exit(lua_State *L) {
  lua_getglobal(L, "os");
  lua_pushcfunction(L, worker_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

static void keep_settings(lua_State *L, int settings) {
  settings_keep(L, settings);
  lua_getfield(L, settings, "name");
  if (lua_isstring(L, -1)) trace_name_thread(lua_tostring(L, -1));
  lua_pop(L, 1);
}

static void apply_settings(lua_State *L, int settings) {
  keep_settings(L, settings);
  set_package_field(L, settings, "path");
  set_package_field(L, settings, "cpath");
  lua_getfield(L, settings, "arg");
  lua_setglobal(L, "arg");
  module_preload(L);
  replace_exit(L);
}

/* ---- the work
 * ------------------------------------------------------------------------------------------------- */

struct life {
  const struct birth *birth;
  struct cell *cell;
};

static void run_role(lua_State *L, const struct life *life, int count) REQUIRES(rank_vm) {
  settings_push(L);
  lua_getfield(L, -1, "name");
  cell_introduce(life->cell, lua_isstring(L, -1) ? lua_tostring(L, -1) : "worker");
  lua_pop(L, 2);
  cell_run(life->cell);
  if (life->birth->role == BIRTH_POOL_WORKER)
    pool_worker_loop(L, life->birth, life->cell, count);
  else
    lua_call(L, count - 1, 0);
}

/* life (light) → nothing. Handles register before anything is decoded. */
static int live(lua_State *L) REQUIRES(rank_vm) {
  const struct life *life = lua_touserdata(L, 1);
  const struct birth *b = life->birth;
  lua_settop(L, 0);
  module_open_handles(L);
  transfer_decode(L, birth_data(b, b->settings), b->settings.size, TRANSFER_TRUSTED);
  apply_settings(L, 1);
  lua_settop(L, 0);
  globals_install(L, birth_data(b, b->image), b->image.size);
  const int count = transfer_decode(L, birth_data(b, b->payload), b->payload.size, TRANSFER_TRUSTED);
  birth_unload(b);
  run_role(L, life, count);
  return 0;
}

/* ---- the end
 * -------------------------------------------------------------------------------------------------- */

static int finish(lua_State *L, struct vm *vm, int failed) {
  const int code = failed ? failure_judge(L, &vm->main) : EXIT_SUCCESS;
  const int stop = atomic_load(&vm->main.stop);
  const bool was_stopped = stop == VM_STOP_TERMINATE || stop == VM_STOP_INTERRUPT;
  vm_end_stops(vm);
  lua_settop(L, 0);
  module_shutdown(L, was_stopped ? SHUTDOWN_TERMINATE : SHUTDOWN_JOIN);
  held_end(held_of(L), code != EXIT_SUCCESS);
  gil_settle(vm);
  return code;
}

int worker_run(struct vm *vm, const struct birth *birth, struct cell *cell) {
  lua_State *L = vm_lua(vm);
  struct life life = {birth, cell};
  lua_settop(L, 0);
  lua_pushcfunction(L, failure_handler);
  lua_pushcfunction(L, live);
  lua_pushlightuserdata(L, &life);
  return finish(L, vm, lua_pcall(L, 1, 0, 1));
}

/* settings, function, arguments … are the whole stack, with the life below. */
static int live_forked(lua_State *L) REQUIRES(rank_vm) {
  const struct life *life = lua_touserdata(L, 1);
  lua_remove(L, 1);
  keep_settings(L, 1);
  replace_exit(L);
  module_after_fork(L);
  lua_remove(L, 1);
  run_role(L, life, lua_gettop(L));
  return 0;
}

void worker_run_forked(lua_State *L, int settings, const struct birth *birth, struct cell *cell) {
  struct vm *vm = vm_of(L);
  struct life life = {birth, cell};
  setvbuf(stdout, NULL, _IOLBF, 0);
  vm->main.message = (struct ring_message){0}; /* the parent's */
  trace_worker_start();
  trace_mark(TRACE_LOCK_TAKEN); /* the copy of the lock is held by the copy of who held it */
  vm_bind_thread(vm);
  vm_obey(vm, &cell->doomed);
  const int count = lua_gettop(L) - settings + 1;
  lua_pushcfunction(L, failure_handler);
  lua_insert(L, settings);
  lua_pushcfunction(L, live_forked);
  lua_insert(L, settings + 1);
  lua_pushlightuserdata(L, &life);
  lua_insert(L, settings + 2);
  const int code = finish(L, vm, lua_pcall(L, count + 1, 0, settings));
  if (code == EXIT_SUCCESS) commons_release_all(OBJECT_SYNC);
  fflush(NULL);
  trace_worker_end();
  cell_end(cell, code);
  process_exit_now(code < 0 ? EXIT_ERROR : code);
}
