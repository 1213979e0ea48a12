/* SPDX-License-Identifier: MIT */
/* A VM for requests, and what a request does in it: the part that threads, processes and
 * mm_poll have in common.
 *
 * Everything here runs with the VM's lock held, and raises nothing.
 */
#ifndef C_RUN_REQUEST_H
#define C_RUN_REQUEST_H

#include "c/request.h"
#include "state/vm.h"

/* Runs it to its end. */
MUST_CHECK struct outcome perform(struct vm *vm, const struct request *request);

/* The same in pieces. Begun on a coroutine that run_request_resume goes on with; at most one
 * at a time in a VM. */
MUST_CHECK bool run_request_begin(struct vm *vm, const struct request *request, struct outcome *failed);
/* Until it ends (true), or `until` has passed. */
MUST_CHECK bool run_request_resume(struct vm *vm, deadline until, struct outcome *out);
/* One that was begun goes no further. */
void run_request_abandon(struct vm *vm);

#endif
