/* SPDX-License-Identifier: MIT */
#include "worker_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c/process_vm.h"
#include "channel/message_refs.h"
#include "library.h"
#include "manymoons.h"
#include "os/process.h"
#include "os/signals.h"
#include "process/forkserver.h"
#include "state/vm_interrupt.h"
#include "worker/sandboxed_worker.h"
#include "worker/worker_run.h"

static int run_worker(const struct start_info *start_info, struct worker_status *worker_status) {
  struct vm *vm = NULL;
  if (worker_open_vm(&vm, start_info)) {
    fputs("manymoons: not enough memory for a worker's VM\n", stderr);
    return EXIT_FAILURE;
  }
  vm_bind_thread(vm);
  vm_obey(vm, &worker_status->stop_requested);
  const int code = worker_run(vm, &manymoons_library, start_info, worker_status, WORKER_IN_PROCESS);
  vm_close(vm);
  return code;
}

NO_RETURN static void run_child(const struct child_options *options) {
  struct worker_status *worker_status = segment_at(options->worker_status);
  const struct start_info *start_info = segment_at(options->start_info);
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (start_info->role != PROCESS_VM_ROLE && start_info->sandbox.size)
    sandboxed_worker_run(&manymoons_library, start_info, worker_status);
  trace_worker_start();
  const bool is_embedded = start_info->role == PROCESS_VM_ROLE;
  const int code = is_embedded
                       ? process_vm_serve(&manymoons_library, segment_at(options->start_info), worker_status)
                       : run_worker(start_info, worker_status);
  fflush(NULL);
  trace_worker_end();
  worker_status_end(worker_status, code);
  if (code < 0) signals_end_process(-code);
  process_exit_now(code < 0 ? EXIT_FAILURE : code);
}

void entry_run(enum launch_kind kind, const char *text) {
  struct child_options options;
  const status st = kind == LAUNCH_WORKER ? child_attach(text, &options) : forkserver_serve(text, &options);
  if (st) process_exit_now(EXIT_FAILURE);
  channel_register_kinds();
  run_child(&options);
}

void mm_worker_main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--worker") == 0) entry_run(LAUNCH_WORKER, argv[2]);
}

int luaopen_manymoons_worker(lua_State *L) { entry_run(LAUNCH_WORKER, luaL_checkstring(L, 1)); }
int luaopen_manymoons_forkserver(lua_State *L) { entry_run(LAUNCH_FORKSERVER, luaL_checkstring(L, 1)); }
