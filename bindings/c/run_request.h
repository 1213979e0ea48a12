/* SPDX-License-Identifier: MIT */
/* Running a request in a Lua VM: the code that VMs in threads, in processes and INLINE share.
 *
 * The caller holds the VM lock. No function raises.
 */
#ifndef C_RUN_REQUEST_H
#define C_RUN_REQUEST_H

#include "c/request.h"
#include "state/vm.h"

/* Runs a request to its end. */
MUST_CHECK struct outcome run_request(struct vm *vm, const struct request *request);

/* Prepares a request that runs in pieces, on a coroutine of its own; at most one at a time in a VM.
 * False: it has failed, with the outcome *failed. */
MUST_CHECK bool run_request_begin(struct vm *vm, const struct request *request, struct outcome *failed);
/* Runs it on until it ends (true, with the outcome *out), or until `until`. */
MUST_CHECK bool run_request_resume(struct vm *vm, deadline until, struct outcome *out);
/* Ends it without an outcome: closes the variables of its coroutine. Does nothing if there is
 * none. */
void run_request_abandon(struct vm *vm);

#endif
