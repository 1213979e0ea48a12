/* SPDX-License-Identifier: MIT */
/* The record of a worker of the world `threads`: an OS thread with a coroutine of its own in the VM
 * that started it.
 *
 * The worker's handle (worker.h) owns the record, and joins the thread before it frees the record.
 * thread_run.h makes it and runs the thread. */
#ifndef BINDINGS_WORKER_THREAD_H
#define BINDINGS_WORKER_THREAD_H

#include "os/thread.h"
#include "process/worker_status.h"
#include "state/vm.h"

struct thread_worker {
  struct vm_thread self;
  struct worker_status *worker_status;
  int count;     /* of the function and its arguments together */
  char name[64]; /* for messages; a longer name is cut */
  struct thread thread;
};

/* Asks the thread to stop. Repeat it until the worker status has ended. */
void thread_worker_interrupt(struct thread_worker *t, enum vm_stop why, int exit_code);
/* Joins the thread, whose status has ended, and frees the record. */
void thread_worker_join(struct thread_worker *t);

#endif
