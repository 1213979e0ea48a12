/* SPDX-License-Identifier: MIT */
/* Making a worker: an interpreter, a process by one of three start methods, or a thread of this VM.
 *
 * The function, its arguments, the settings and the program's globals are written into a start info
 * (start_info.h), from which an interpreter's thread or a fresh process starts (worker_run.h). A forked
 * child has everything already; only the handles that its function and arguments name are passed to
 * it. A thread of this VM gets the values themselves (thread_run.h).
 *
 * The new handle (worker.h) owns what was made. Where starting fails the handle stays closed, and
 * nothing else is left. All of it runs under the VM's lock; interpreter_main alone runs on the new
 * thread, without it. */
#ifndef BINDINGS_WORKER_WORKER_START_H
#define BINDINGS_WORKER_WORKER_START_H

#include "shared/object.h"
#include "state/vm.h"

/* The rings that a pool's worker takes tasks from and puts results into. The pool holds both for
 * longer than the worker lives. All 0: the worker is of no pool. */
struct worker_rings {
  object_ref tasks;
  object_ref results;
};

/* On the stack: method ("interpreter", "fork", "spawn", "forkserver", "thread"), settings, function
 * or nil, arguments…. Pushes the worker; or nil and why. [-0, +1 or +2, raises] */
int worker_start(lua_State *L, struct worker_rings rings) REQUIRES(rank_vm);

/* may_fork() → whether a copy of this process would be a good worker. [-0, +1, does not raise] */
int worker_may_fork(lua_State *L);
/* stop_forkserver(): this process's, if there is one. [-0, +0, does not raise] */
int worker_stop_forkserver(lua_State *L);

#endif
