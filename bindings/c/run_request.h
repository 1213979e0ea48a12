/* SPDX-License-Identifier: MIT */
/* Running a request in a Lua VM: the code that VMs in threads, in processes and INLINE share.
 *
 * The caller holds the VM lock. No function raises.
 */
#ifndef C_RUN_REQUEST_H
#define C_RUN_REQUEST_H

#include "c/request.h"
#include "state/vm.h"

/* Prepares a VM for its requests. [-0, +0, memory] */
void run_request_prepare(lua_State *L);
/* In the middle of a request, on another C stack: collects garbage for so long. True: a cycle is over. */
bool run_request_collect_beside(struct vm *vm, uint32_t budget_us);
/* Runs a request to its end, or to where its coroutine waits (OUTCOME_WAITS). */
MUST_CHECK struct outcome run_request(struct vm *vm, const struct request *request);

#endif
