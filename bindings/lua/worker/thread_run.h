/* SPDX-License-Identifier: MIT */
/* A worker of the world `threads`, from its start to its exit code.
 *
 * The thread enters the VM, calls its function in protected mode, reports an uncaught error, and
 * leaves the VM. Its last act is to publish the exit code in the worker status; after that the
 * record (thread.h) and the state are no longer used.
 *
 * I1  The thread's code runs under the VM lock, except before vm_enter and after vm_leave.
 * I2  The state, its function and its settings are anchored in the registry under the record's
 *     address until the function has ended.
 * I3  The first thread of a VM prepares the VM, once: coroutines are tracked. async/exit.lua has
 *     os.exit.
 * I4  A VM with threads is closed only after their end (state/library.h, end_workers). */
#ifndef BINDINGS_WORKER_THREAD_RUN_H
#define BINDINGS_WORKER_THREAD_RUN_H

#include "worker/thread.h"

/* Starts a thread that calls the function below `count - 1` arguments on the stack; the values are
 * moved, not copied. The thread's end is published in the worker status. On failure the values are
 * popped, and nothing else has changed. [-count, +0, memory] */
MUST_CHECK status thread_worker_start(lua_State *L, int settings, int count,
                                      struct worker_status *worker_status, const char *name,
                                      struct thread_worker **out) REQUIRES(rank_vm);
/* exit_thread(code): in the thread of a worker, outside of tasks, ends the worker; does nothing
 * elsewhere. [-0, +0, raises] */
int thread_exit_call(lua_State *L);

#endif
