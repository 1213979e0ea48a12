/* SPDX-License-Identifier: MIT */
/* The life of a worker of the world `threads`, from its start to its exit code.
 *
 * The thread enters the VM like any other user, runs its function in a protected call, reports an
 * uncaught error, and leaves. The record (thread.h) belongs to the handle that started it
 * (worker.h); the thread writes its end into the worker status last, and uses neither record nor state after
 * that.
 *
 * I1  All of it runs under the VM's lock, but for what stands before vm_enter and after vm_leave.
 * I2  The state, its function and its settings are anchored in the registry under the record's
 *     address, until the thread lets go of them.
 * I3  The first thread of a VM prepares it, once: coroutines are tracked. What os.exit does in
 *     the worker is bindings/lua/async/exit.lua's.
 * I4  A VM that has threads is closed only after their end (state/library.h, end_workers). */
#ifndef BINDINGS_WORKER_THREAD_RUN_H
#define BINDINGS_WORKER_THREAD_RUN_H

#include "worker/thread.h"

/* Starts a thread that calls the function on the stack below `count - 1` arguments, which are
 * moved. The worker status says when and how it ended. Where it fails the values are gone, and nothing else
 * has changed. [-count, +0, memory] */
MUST_CHECK status thread_worker_start(lua_State *L, int settings, int count,
                                      struct worker_status *worker_status, const char *name,
                                      struct thread_worker **out) REQUIRES(rank_vm);
/* exit_thread(code): in the thread of a worker, outside of tasks, ends the worker; does nothing
 * elsewhere. [-0, +0, raises] */
int thread_exit_call(lua_State *L);

#endif
