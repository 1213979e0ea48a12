/* SPDX-License-Identifier: MIT */
/* A worker in a sandbox, from its start info to its end: the guard and the sandboxed worker
 * (process/guard.h). */
#ifndef BINDINGS_WORKER_SANDBOXED_WORKER_H
#define BINDINGS_WORKER_SANDBOXED_WORKER_H

#include "process/guard.h"
#include "state/library.h"
#include "worker/start_info.h"

/* Runs the worker of a start info with rules of a sandbox. The calling process, which has one
 * thread, becomes the guard, and ends as the sandboxed worker ends. */
NO_RETURN void sandboxed_worker_run(const struct vm_library *library, const struct start_info *start_info,
                                    struct worker_status *worker_status);
/* The guard of the role START_INFO_PROCESS: the worker asks for its queues alone. */
void sandboxed_worker_guard(struct guard *g, const struct start_info *start_info);

/* ---- its steps, for VMs of C programs (c/process_vm_main.c) ---------------------------------- */

/* Forks the sandboxed worker. Both sides return, or end if that fails. */
enum guard_side sandboxed_worker_begin(struct guard *g, const void *rules, size_t size,
                                       struct worker_status *worker_status);
/* Inside: leaves the program; the new *worker_status is this process's own. */
void sandboxed_worker_leave(const struct guard *g, struct worker_status **worker_status);
/* Inside, once the VM is open: enters the sandbox. */
void sandboxed_worker_enter(const void *rules, size_t size);
/* Inside: ends this process. */
NO_RETURN void sandboxed_worker_end(int code);
/* Outside: waits for the worker's end, reports it, and ends this process in the same way. */
enum refusal_report { REFUSAL_ON_STDERR, REFUSAL_IN_STATUS };
NO_RETURN void sandboxed_worker_follow(struct guard *g, enum refusal_report report);

#endif
