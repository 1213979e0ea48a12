/* SPDX-License-Identifier: MIT */
/* The record of a worker of the world `threads`: an OS thread with a lua_State of its own inside
 * the VM that started it.
 *
 * The record belongs to the handle that started the thread (worker.h), which joins the thread
 * before it frees the record. thread_run.h makes it, and says what the thread does. */
#ifndef BINDINGS_WORKER_THREAD_H
#define BINDINGS_WORKER_THREAD_H

#include "os/thread.h"
#include "process/worker_status.h"
#include "state/vm.h"

struct thread_worker {
  struct vm_thread self;
  struct worker_status *worker_status;
  int count;     /* of function and arguments */
  char name[64]; /* in messages; what is too long is cut */
  struct thread thread;
};

/* Asks it to stop; again until its status has ended. */
void thread_worker_interrupt(struct thread_worker *t, enum vm_stop why, int exit_code);
/* After its end: joins the thread, and frees the record. */
void thread_worker_join(struct thread_worker *t);

#endif
