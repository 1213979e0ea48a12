/* SPDX-License-Identifier: MIT */
/* Two kinds of host. Our own program takes the order on its command line. A stand-alone lua or luajit runs a
 * line of Lua that loads this very module file and enters the worker in it.
 *
 * The fork server has no Lua state of its own: its children make theirs, as spawned ones do.
 */
#include "launch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/message.h"
#include "module.h"
#include "os/process.h"
#include "state/vm_interrupt.h"
#include "task/child.h"
#include "worker_run.h"

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static bool is_own_program(const char *program) { return strncmp(base_name(program), "manymoons", 9) == 0; }

static bool is_standalone_lua(const char *program) { return strncmp(base_name(program), "lua", 3) == 0; }

static const char *entry_name(enum launch_kind kind) {
  return kind == LAUNCH_WORKER ? "luaopen_manymoons_worker" : "luaopen_manymoons_forkserver";
}

static status prepare_standalone(struct launch *out, enum launch_kind kind) {
  Dl_info info;
  if (!dladdr((const void *)(uintptr_t)&luaopen_manymoons, &info) || !info.dli_fname) return -ENOSYS;
  char *file = realpath(info.dli_fname, NULL);
  if (!file) return -errno;
  const int size =
      snprintf(out->script, sizeof out->script, "assert(package.loadlib([==[%s]==],'%s'))('" CHILD_ORDER "')",
               file, entry_name(kind));
  free(file);
  if (size < 0 || (size_t)size >= sizeof out->script) return -ENAMETOOLONG;
  return STATUS_OK;
}

status launch_prepare(struct launch *out, enum launch_kind kind) {
  const status st = process_executable(out->program, sizeof out->program);
  if (st) return st;
  out->argv[0] = out->program;
  out->argv[2] = CHILD_ORDER;
  out->argv[3] = NULL;
  if (is_own_program(out->program)) {
    out->argv[1] = kind == LAUNCH_WORKER ? "--worker" : "--forkserver";
    return STATUS_OK;
  }
  if (!is_standalone_lua(out->program)) return -ENOSYS;
  out->argv[1] = "-e";
  out->argv[2] = out->script;
  return prepare_standalone(out, kind);
}

/* ---- the other side
 * ---------------------------------------------------------------------------------------- */

NO_RETURN static void run_order(const struct child_order *order) {
  struct vm *vm = NULL;
  struct cell *cell = commons_at(order->cell);
  int code = EXIT_FAILURE;
  setvbuf(stdout, NULL, _IOLBF, 0);
  trace_worker_start();
  if (vm_open(&vm) == STATUS_OK) {
    vm_bind_thread(vm);
    vm_obey(vm, &cell->doomed);
    code = worker_run(vm, commons_at(order->birth), cell);
    vm_close(vm);
  } else {
    fputs("manymoons: not enough memory for a worker's VM\n", stderr);
  }
  fflush(NULL);
  trace_worker_end();
  cell_end(cell, code);
  process_exit_now(code < 0 ? EXIT_FAILURE : code);
}

void launch_enter(enum launch_kind kind, const char *text) {
  struct child_order order;
  const status st = kind == LAUNCH_WORKER ? child_attach(text, &order) : forkserver_serve(text, &order);
  if (st) process_exit_now(EXIT_FAILURE);
  channel_register_kinds();
  run_order(&order);
}

int luaopen_manymoons_worker(lua_State *L) { launch_enter(LAUNCH_WORKER, luaL_checkstring(L, 1)); }
int luaopen_manymoons_forkserver(lua_State *L) { launch_enter(LAUNCH_FORKSERVER, luaL_checkstring(L, 1)); }
