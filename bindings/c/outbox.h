/* SPDX-License-Identifier: MIT */
/* What a runtime has for its VMs: its settings and modules, and an outbox for jobs that ended.
 *
 * VMs (embedded_vm.h) put jobs in and ring; the runtime (runtime.h), which owns the VMs, takes them out
 * when the program polls. This is below both, so that a VM knows nothing of what owns it.
 *
 * I1  `ended`, `modules` and the list of VMs are protected by `lock`, which is a leaf: under it
 *     nothing is called but memory and other leaves.
 * I2  The descriptor is readable from before the moment at which there is something to do for
 *     mm_poll, until mm_poll has looked after that moment.
 */
#ifndef C_OUTBOX_H
#define C_OUTBOX_H

#include "c/embedded_state.h"
#include "c/job.h"
#include "os/mutex.h"
#include "state/library.h"

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

/* For VMs. The program is to poll soon; on any thread. */
void runtime_ring(struct mm_rt *rt);
/* A job of a VM has an outcome, which is taken over, with the VM's share in the job. */
void runtime_job_ended(struct mm_rt *rt, const struct mm_vm *vm, struct mm_job *j, struct outcome outcome);
void runtime_log(const struct mm_rt *rt, mm_log_level level, const struct mm_vm *vm, const char *text);

/* For the runtime. The next job whose `done` is to be called, with the VM's share in it; NULL:
 * none. */
struct mm_job *runtime_next_ended(struct mm_rt *rt);
bool runtime_has_ended_jobs(struct mm_rt *rt);
/* Frees the ended jobs whose `done` was not called. */
void runtime_forget_ended(struct mm_rt *rt);
/* What happens from now on rings again. */
void runtime_clear_ring(struct mm_rt *rt);
/* Takes it over. */
void runtime_add_module(struct mm_rt *rt, struct module *m);
/* At the end, when no VM reads them any more. */
void runtime_free_modules(struct mm_rt *rt);

#endif
