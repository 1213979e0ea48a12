/* SPDX-License-Identifier: MIT */
/* The part of a runtime that its VMs use: settings, modules, and an outbox for ended jobs.
 *
 * VMs (embedded_vm.h) put ended jobs in and wake the program; the runtime (runtime.h), which owns
 * the VMs, takes them out when the program polls. This module is below both, so that a VM does not
 * depend on its owner.
 *
 * I1  `lock` protects `ended`, `modules` and `vms`. It is a leaf: under it only memory functions
 *     and other leaves are called.
 * I2  The descriptor becomes readable before mm_poll has something to do, and stays readable until
 *     mm_poll has checked for it.
 */
#ifndef C_OUTBOX_H
#define C_OUTBOX_H

#include "c/embedded_state.h"
#include "c/job.h"
#include "os/mutex.h"
#include "state/library.h"

struct mm_rt {
  const struct vm_library *library; /* for its VMs */
  mm_rt_config config;              /* a copy with copies of its texts; never changes */
  struct mutex lock;
  struct mm_vm *vms;      /* under `lock` */
  struct job_list ended;  /* under `lock`: jobs whose `done` was not called yet */
  struct module *modules; /* under `lock`; grows at its head alone, so VMs follow it without the lock */
  int wakeup;             /* the descriptor of mm_fd */
  _Atomic bool is_woken;  /* the descriptor is readable, or about to be */
  _Atomic bool is_polling;
};

/* For VMs, on any thread: asks the program to poll. */
void runtime_wake(struct mm_rt *rt);
/* For VMs: ends a job with its outcome. Takes over the outcome, and the VM's share in the job. */
void runtime_job_ended(struct mm_rt *rt, struct mm_job *j, struct outcome outcome);
/* Calls mm_rt_config.log, if it is set. */
void runtime_log(const struct mm_rt *rt, mm_log_level level, const struct mm_vm *vm, const char *text);
/* The same for an error that the program hears in no other way: without a log it goes to stderr. */
void runtime_report(const struct mm_rt *rt, const struct mm_vm *vm, const char *name, const char *text);

/* For the runtime: takes the next job whose `done` is to be called, with the VM's share in it.
 * NULL: none. */
struct mm_job *runtime_next_ended(struct mm_rt *rt);
/* Whether runtime_poll would deliver a callback. Any thread. */
bool runtime_has_ended_jobs(struct mm_rt *rt);
/* Frees the ended jobs whose `done` was not called. */
void runtime_forget_ended(struct mm_rt *rt);
/* Makes the descriptor unreadable; later calls of runtime_wake make it readable again. */
void runtime_clear_wakeup(struct mm_rt *rt);
/* Adds a module, which the runtime owns from now on. */
void runtime_add_module(struct mm_rt *rt, struct module *m);
/* Frees all modules; no VM is left. */
void runtime_free_modules(struct mm_rt *rt);

#endif
