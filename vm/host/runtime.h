/* SPDX-License-Identifier: MIT */
/* A runtime: the VMs of a C program, and what they tell it.
 *
 * VMs run jobs on threads of their own (hosted.h) and give those that ended to the runtime, which keeps them
 * until the program polls. INLINE VMs run in mm_poll itself.
 *
 * I1  `vms` lists each VM until its thread was joined; the list and `ended` are protected by `lock`, which is
 * a leaf: under it nothing is called but memory and other leaves. I2  The descriptor is readable from before
 * the moment at which there is something to do for mm_poll, until mm_poll has looked after that moment. I3
 * One thread at a time polls: `is_polling`.
 */
#ifndef HOST_RUNTIME_H
#define HOST_RUNTIME_H

#include "host/hosted_state.h"
#include "host/job.h"
#include "sync/mutex.h"

struct mm_rt {
  const struct vm_library *library; /* what its VMs open */
  mm_rt_config config;              /* a copy; its texts are ours; never changes */
  struct mutex lock;
  struct mm_vm *vms;      /* under `lock` */
  struct job_list ended;  /* under `lock`: whose `done` is to be called */
  struct module *modules; /* under `lock`: only grows at its head: a VM reads on without the lock */
  int wakeup;
  _Atomic bool is_rung;
  _Atomic bool is_polling;
};

MUST_CHECK status runtime_make(struct mm_rt **out, const struct vm_library *library,
                               const mm_rt_config *config);
/* STATUS_TIMEOUT: a VM did not end; all of it is as it was, but for its jobs. */
MUST_CHECK status runtime_destroy(struct mm_rt *rt, deadline until);
/* How many jobs were told. -EAGAIN: another poll is under way. */
MUST_CHECK status runtime_poll(struct mm_rt *rt, int64_t budget_ns, deadline until, int *told);
/* As far as INLINE VMs need somebody who polls: STATUS_OK: this thread did, and the job has ended. -EAGAIN,
 * STATUS_TIMEOUT. */
MUST_CHECK status runtime_wait_inline(struct mm_rt *rt, struct mm_job *j, deadline until);
/* Takes it over. */
void runtime_add_module(struct mm_rt *rt, struct module *m);

/* For VMs. The program is to poll soon; on any thread. */
void runtime_ring(struct mm_rt *rt);
/* A job of a VM has an outcome, which is taken over, with the VM's share in the job. */
void runtime_job_ended(struct mm_rt *rt, const struct mm_vm *vm, struct mm_job *j, struct outcome outcome);
void runtime_log(const struct mm_rt *rt, mm_log_level level, const struct mm_vm *vm, const char *text);
/* Joins and forgets the VMs that have ended. */
void runtime_reap(struct mm_rt *rt);

#endif
