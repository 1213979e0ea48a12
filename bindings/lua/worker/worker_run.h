/* SPDX-License-Identifier: MIT */
/* The worker's side of a start: from a start info to an exit code. */
#ifndef BINDINGS_WORKER_WORKER_RUN_H
#define BINDINGS_WORKER_WORKER_RUN_H

#include "process/worker_status.h"
#include "state/library.h"
#include "state/vm.h"
#include "worker/start_info.h"

/* Opens a VM with the limits of the start info, entered, and sets the calling thread's priority.
 * -ENOMEM. */
MUST_CHECK status worker_open_vm(struct vm **out, const struct start_info *start_info);

/* A worker that does not stop at its time limit is killed if it is a process; a thread of this
 * process keeps running. */
enum worker_place { WORKER_IN_THREAD, WORKER_IN_PROCESS };
/* Opens the library in a new VM that the caller has entered, runs the start info, reports an
 * uncaught error on stderr, and ends the worker's own children. Returns the exit code. Does not
 * raise. */
int worker_run(struct vm *vm, const struct vm_library *library, const struct start_info *start_info,
               struct worker_status *worker_status, enum worker_place place);

/* The role START_INFO_PROCESS: calls the worker's function once. [-count, +0, raises] */
void worker_call(lua_State *L, const struct start_info *start_info, struct worker_status *worker_status,
                 int count);

/* Runs the worker in a forked child, whose VM is a copy of the parent's, and ends the process.
 * On the stack are the settings, at `settings`, and above them the function and its arguments,
 * or a pool's initializer, its arguments and the finalizer. */
NO_RETURN void worker_run_forked(lua_State *L, int settings, const struct start_info *start_info,
                                 struct worker_status *worker_status);

/* Once in the VM of a host whose code runs in workers: what a stop needs of coroutines and message handlers.
 * [-0, +0, raises] */
void stops_prepare(lua_State *L);

/* Ends all processes that a thread of this process has started, but for workers, and for the tracker of named memory,
 * which outlives its maker. */
void worker_end_commands(int32_t thread);

#endif
