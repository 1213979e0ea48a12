/* SPDX-License-Identifier: MIT */
/* Starting a worker: an interpreter, a process by one of three start methods, or a thread of this
 * VM.
 *
 * An interpreter, or a process that is not forked, starts from a start info (start_info.h) with the
 * function, its arguments, the settings and the program's globals. A forked child has these values
 * already, and gets holds of the objects that its function and arguments name. A thread of this VM
 * gets the values themselves (thread_run.h).
 *
 * The new handle (worker.h) owns what was made. On failure the handle stays closed and nothing
 * else is left. All code runs under the VM lock, except interpreter_main, which runs on the new
 * thread without it. */
#ifndef BINDINGS_WORKER_WORKER_START_H
#define BINDINGS_WORKER_WORKER_START_H

#include "shared/object.h"
#include "state/vm.h"

struct globals_image;

/* The rings from which a pool worker takes tasks and into which it puts results. The pool holds
 * both until after the worker's end. All 0: not a pool worker. */
struct worker_rings {
  object_ref tasks;
  object_ref urgent;
  object_ref later;
  object_ref results;
  struct globals_image *image; /* NULL: the globals are encoded for this worker alone */
};

/* The stack has the method ("interpreter", "fork", "spawn", "forkserver", "thread"), the
 * settings, the function or nil, and its arguments. Pushes the worker; or nil and why. [-0, +1
 * or 2, raises] */
int worker_start(lua_State *L, struct worker_rings rings) REQUIRES(rank_vm);

/* may_fork() → whether the start method fork is safe in this host. [-0, +1, does not raise] */
int worker_may_fork(lua_State *L);
/* stop_forkserver(): stops this process's fork server, if there is one. [-0, +0, does not raise] */
int worker_stop_forkserver(lua_State *L);

#endif
