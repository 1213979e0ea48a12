/* SPDX-License-Identifier: MIT */
/* Worker: the parent's handle on one worker, an interpreter or a process or a thread of this VM.
 * What Process and Pool are made of (worker/process.lua, pool/pool.lua); scripts do not see it.
 *
 * An interpreter is a thread of this process with a VM of its own; the thread owns the VM, and
 * publishes it under a lock for those who want to interrupt it. A process is a child
 * (process/child.h). A thread is a record of thread.h. Each has a worker status in the segment that says
 * whether it has ended and how; an interpreter and a fresh process have a start info that they started
 * from. Cell and start info belong to the handle. The handle's fields are used under the VM's lock.
 *
 * I1  In a forked child the handles of the parent are in the copied VM, but their workers are not
 *     its own: `owner` is the process that may stop and free them.
 * I2  A worker is joined, and its pidfd closed, only while no thread of this VM waits for it:
 *     `waiters`.
 */
#ifndef BINDINGS_WORKER_WORKER_H
#define BINDINGS_WORKER_WORKER_H

#include "core/arguments.h"
#include "os/mutex.h"
#include "process/child.h"
#include "process/worker_status.h"
#include "shared/segment.h"

enum worker_kind { WORKER_INTERPRETER, WORKER_PROCESS, WORKER_THREAD };

/* Shared by the handle and the thread. The handle frees it; a thread that cannot be stopped
 * outlives its handle, and keeps it. */
struct interpreter {
  struct mutex lock; /* no rank: a leaf that nothing is taken under */
  struct vm *vm;     /* while it can be interrupted; under `lock` */
  int stop;          /* asked for before there was a VM; under `lock` */
  int exit_code;     /* for that stop; under `lock` */
  const struct vm_library *library;
  struct worker_status *worker_status;
  block_ref start_info;
  struct thread thread;
};

struct worker {
  bool is_open;
  bool is_joined;
  enum worker_kind kind;
  struct interpreter *interpreter;
  struct thread_worker *thread;
  struct worker_status *worker_status; /* of whatever it is */
  struct child child;
  block_ref start_info; /* 0: forked */
  pid_t owner;
  _Atomic int wanted_stop; /* enum vm_stop that was asked for; repeated while waiting */
  int wanted_exit_code;    /* stored before it */
  int waiters;             /* threads of this VM that sleep until its end: see I2 */
};

/* The class of Worker, its metatable and what it can be waited for with. [-0, +0, raises] */
void worker_open(lua_State *L);
/* A closed handle; the caller fills it, and sets is_open once there is a worker.
 * [-0, +1, memory] */
struct worker *worker_push(lua_State *L, enum worker_kind kind);

/* For the pool: the worker's status, and the futex that changes when it dies; false: it has died.
 * [-0, +0, raises] */
struct worker_status *worker_status_at(lua_State *L, int index);
bool worker_watch(lua_State *L, int index, struct futex_watch *watch);

#endif
