/* SPDX-License-Identifier: MIT */
/* A runtime (mm_rt): the owner of the embedded VMs of a C program.
 *
 * VMs run jobs on threads of their own (embedded_vm.h) and put ended jobs into the outbox
 * (outbox.h), where they stay until the program polls. INLINE VMs run in mm_poll itself.
 *
 * I1  `vms` contains each VM until its thread is joined.
 * I2  One thread at a time polls: `is_polling`.
 */
#ifndef C_RUNTIME_H
#define C_RUNTIME_H

#include "c/outbox.h"

/* Opens the segment, too. On failure nothing is left open, and *out is untouched. */
MUST_CHECK status runtime_make(struct mm_rt **out, const struct vm_library *library,
                               const mm_rt_config *config);
/* Cancels all jobs, ends and frees all VMs, then the runtime. STATUS_TIMEOUT: a VM did not end, and
 * nothing was freed. */
MUST_CHECK status runtime_destroy(struct mm_rt *rt, deadline until);
/* Calls `done` of ended jobs and runs INLINE VMs, for `budget_ns` (0: until there is nothing to
 * do). With nothing to do it waits until `until`. *delivered: number of callbacks delivered.
 * -EAGAIN: another poll is under way. */
MUST_CHECK status runtime_poll(struct mm_rt *rt, int64_t budget_ns, deadline until, int *delivered);
/* Runs INLINE VMs on this thread until the job has ended. STATUS_TIMEOUT. -EAGAIN: a poll is under
 * way. */
MUST_CHECK status runtime_wait_inline(struct mm_rt *rt, struct mm_job *j, deadline until);
/* inline_vm_collect. -EAGAIN: a poll is under way. */
MUST_CHECK status runtime_collect_inline(struct mm_rt *rt, struct mm_vm *vm, uint32_t budget_us,
                                         bool *is_over);
/* Joins the VMs that have ended and removes them from `vms`. */
void runtime_reap(struct mm_rt *rt);

#endif
