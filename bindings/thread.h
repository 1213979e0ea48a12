/* SPDX-License-Identifier: MIT */
/* A worker of the world `threads`: an OS thread with a lua_State of its own inside the VM that started it.
 *
 * The record belongs to the handle that started it (bindings/worker.c), which joins the thread before it
 * frees it. The state, its function and its settings are anchored in the registry under the record's address.
 */
#ifndef BINDINGS_THREAD_H
#define BINDINGS_THREAD_H

#include "state/vm.h"
#include "task/cell.h"

struct thread_worker;

/* Starts a thread that calls the function at `function` with the `count - 1` values above it, which are
 * moved. The cell says when and how it ended. [-count, +0, memory] */
MUST_CHECK status thread_worker_start(lua_State *L, int settings, int count, struct cell *cell,
                                      const char *name, struct thread_worker **out) REQUIRES(rank_vm);
/* Asks it to stop; again until its cell has ended. */
void thread_worker_interrupt(struct thread_worker *t, enum vm_stop why, int exit_code);
/* After its end. */
void thread_worker_join(struct thread_worker *t);

#endif
