/* SPDX-License-Identifier: MIT */
/* Worker: the parent's handle of a worker: an interpreter, a process, or a thread of this VM.
 * Process and Pool use it (worker/process.lua, pool/workers.lua); scripts do not see it.
 *
 * An interpreter is a thread of this process that owns a VM, which it publishes under a lock so
 * that others can interrupt it. A process is a child (process/child.h). A thread is a record of
 * thread.h. Each has a worker status in the segment, with its phase and exit code; an interpreter
 * and a process that was not forked also have a start info. The handle owns both. Its fields are
 * used under the VM lock.
 *
 * I1  Only the process `owner` stops and frees a worker. A forked child has copies of its parent's
 *     handles, and leaves their workers alone.
 * I2  A finalizer waits for nothing: the worker of a handle that is collected is asked to end, and the handle
 *     stays until it has, or until the VM ends.
 * I3  A worker is joined, or its pidfd closed, only while no thread of this VM waits for it
 *     (`waiters`).
 */
#ifndef BINDINGS_WORKER_WORKER_H
#define BINDINGS_WORKER_WORKER_H

#include "core/arguments.h"
#include "os/mutex.h"
#include "process/child.h"
#include "process/worker_status.h"
#include "shared/segment.h"

enum worker_kind { WORKER_INTERPRETER, WORKER_PROCESS, WORKER_THREAD };

/* Shared by the handle and the interpreter's thread. The handle frees it, unless the thread
 * cannot be stopped; then it is never freed. */
struct interpreter {
  struct mutex lock; /* no rank: a leaf, under which no other lock is taken */
  struct vm *vm;     /* while it can be interrupted; under `lock` */
  int stop;          /* requested before the VM existed; under `lock` */
  int exit_code;     /* of that stop; under `lock` */
  const struct vm_library *library;
  struct worker_status *worker_status;
  block_ref start_info;
  struct thread thread;
};

struct worker {
  bool is_open;
  bool is_joined;
  bool has_sentinel; /* a caller has the descriptor of the process, which stays open with the handle */
  enum worker_kind kind;
  struct interpreter *interpreter;
  struct thread_worker *thread;
  struct worker_status *worker_status; /* for all kinds */
  struct child child;
  block_ref start_info; /* 0: forked */
  pid_t owner;
  _Atomic int wanted_stop; /* enum vm_stop: the requested stop, repeated while waiting */
  int wanted_exit_code;    /* stored before it */
  deadline patience;       /* until then a worker that was asked to end is not killed */
  int waiters;             /* threads of this VM that wait for its end (I3) */
};

/* Registers the class Worker. [-0, +0, raises] */
void worker_open(lua_State *L);
/* Pushes a closed handle. The caller fills it, and sets is_open once the worker has started.
 * [-0, +1, memory] */
struct worker *worker_push(lua_State *L, enum worker_kind kind);

/* The status of the worker whose handle is at `index`. [-0, +0, raises] */
struct worker_status *worker_status_at(lua_State *L, int index);
/* The word that changes when the worker dies; before it runs, the phase, so that the caller watches
 * again later. A process that is killed before it runs changes no word, so the caller looks at times.
 * [-0, +0, raises] */
enum worker_watched { WORKER_HAS_DIED, WORKER_IS_WATCHED, WORKER_IS_WATCHED_AT_TIMES };
enum worker_watched worker_watch(lua_State *L, int index, struct futex_watch *watch);

/* ---- workers whose handles were collected ---------------------------------------------------- */

/* Releases those that have ended, and asks the others again. Does not wait. [-0, +0, memory] */
void worker_release_leaving(lua_State *L);
/* For a finalizer: the userdata at index 1 stays until all those have ended, and then how(userdata) is
 * called, which must not raise. False: there are none, and it does not stay. [-0, +0, memory] */
MUST_CHECK bool worker_release_later(lua_State *L, lua_CFunction how);
/* end_leaving_workers(): ends them, as close does. [-0, +0, raises] */
int worker_end_leaving_call(lua_State *L);

#endif
