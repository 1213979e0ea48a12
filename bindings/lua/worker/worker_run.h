/* SPDX-License-Identifier: MIT */
/* The worker's side: from a start info to an exit code. */
#ifndef BINDINGS_WORKER_WORKER_RUN_H
#define BINDINGS_WORKER_WORKER_RUN_H

#include "process/worker_status.h"
#include "state/library.h"
#include "state/vm.h"
#include "worker/start_info.h"

/* A VM as the start info wants it, entered; and the calling thread gives way to others as it wants.
 * -ENOMEM. */
MUST_CHECK status worker_open_vm(struct vm **out, const struct start_info *start_info);

/* One that does not stop when its time is over is killed with its process, or runs on beside others
 * in this one. */
enum worker_place { WORKER_IN_THREAD, WORKER_IN_PROCESS };
/* Opens the library in a VM that is fresh and entered, and runs a start info there; reports what went
 * wrong to stderr; joins the worker's own children. Returns the exit code. Does not raise. */
int worker_run(struct vm *vm, const struct vm_library *library, const struct start_info *start_info,
               struct worker_status *worker_status, enum worker_place place);

/* The role of a worker that is of no pool: calls its function once. [-count, +0, raises] */
void worker_call(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                 int count);

/* The forked child: the settings at `settings` and, above it, a function and its arguments
 * (process) or the initializer and its (pool) are on the stack; the VM is a copy of the parent's.
 * Ends the process. */
NO_RETURN void worker_run_forked(lua_State *L, int settings, const struct start_info *start_info,
                                 struct worker_status *worker_status);

#endif
