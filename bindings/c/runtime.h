/* SPDX-License-Identifier: MIT */
/* A runtime: the VMs of a C program, and the jobs they have ended.
 *
 * VMs run jobs on threads of their own (embedded_vm.h) and give those that ended to the runtime, which
 * keeps them until the program polls. INLINE VMs run in mm_poll itself.
 *
 * I1  `vms` lists each VM until its thread was joined. Its lock, and what VMs use of a runtime, are
 *     in outbox.h.
 * I2  One thread at a time polls: `is_polling`.
 */
#ifndef C_RUNTIME_H
#define C_RUNTIME_H

#include "c/outbox.h"

MUST_CHECK status runtime_make(struct mm_rt **out, const struct vm_library *library,
                               const mm_rt_config *config);
/* STATUS_TIMEOUT: a VM did not end; all of it is as it was, but for its jobs. */
MUST_CHECK status runtime_destroy(struct mm_rt *rt, deadline until);
/* *told: number of callbacks delivered. -EAGAIN: another poll is under way. */
MUST_CHECK status runtime_poll(struct mm_rt *rt, int64_t budget_ns, deadline until, int *told);
/* Polls where INLINE VMs need it. STATUS_OK: this thread did, and the job has ended.
 * -EAGAIN, STATUS_TIMEOUT. */
MUST_CHECK status runtime_wait_inline(struct mm_rt *rt, struct mm_job *j, deadline until);
/* Joins and forgets the VMs that have ended. */
void runtime_reap(struct mm_rt *rt);

#endif
