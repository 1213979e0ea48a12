/* SPDX-License-Identifier: MIT */
#include "c/runtime.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "c/embedded_vm.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/ready.h"
#include "os/wakeup.h"
#include "shared/segment.h"
#include "state/vm_interrupt.h"

enum { INLINE_SLICE_NS = 1000000 };
#define WAITING_LOOK_SECONDS 0.001

/* ---- making and destroying ------------------------------------------------------------------- */

static status copy_config(struct mm_rt *rt, const mm_rt_config *config) {
  rt->config = *config;
  if (!config->worker_exe) return STATUS_OK;
  rt->config.worker_exe = memory_copy_text(config->worker_exe, strlen(config->worker_exe));
  return rt->config.worker_exe ? STATUS_OK : -ENOMEM;
}

static void free_runtime(struct mm_rt *rt) {
  memory_free((void *)(uintptr_t)rt->config.worker_exe);
  mutex_fini(&rt->lock);
  memory_free(rt);
}

status runtime_make(struct mm_rt **out, const struct vm_library *library, const mm_rt_config *config) {
  struct mm_rt *rt = memory_alloc(sizeof *rt);
  if (!rt) return -ENOMEM;
  rt->library = library;
  mutex_init(&rt->lock);
  status st = copy_config(rt, config);
  if (st == STATUS_OK && config->use_sigurg) st = vm_prepare_stops();
  if (st == STATUS_OK) st = wakeup_open(&rt->wakeup);
  if (st) {
    free_runtime(rt);
    return st;
  }
  st = segment_open();
  if (st) {
    wakeup_close(rt->wakeup);
    free_runtime(rt);
    return st;
  }
  channel_register_kinds();
  *out = rt;
  return STATUS_OK;
}

static struct mm_vm *first_vm(struct mm_rt *rt) {
  mutex_lock(&rt->lock);
  struct mm_vm *vm = rt->vms;
  mutex_unlock(&rt->lock);
  return vm;
}

static struct mm_vm *next_vm(struct mm_rt *rt, const struct mm_vm *vm) {
  mutex_lock(&rt->lock);
  struct mm_vm *next = vm->next;
  mutex_unlock(&rt->lock);
  return next;
}

/* Removes a VM from the list; the list's share in it passes to the caller. */
static void unlist(struct mm_rt *rt, struct mm_vm *vm) {
  mutex_lock(&rt->lock);
  struct mm_vm **place = &rt->vms;
  while (*place != vm) place = &(*place)->next;
  *place = vm->next;
  mutex_unlock(&rt->lock);
}

static void forget_vm(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const bool is_given_up = vm->is_given_up;
  mutex_unlock(&vm->lock);
  if (!is_given_up) embedded_vm_release(vm);
  embedded_vm_release(vm);
}

void runtime_reap(struct mm_rt *rt) {
  for (struct mm_vm *vm = first_vm(rt), *next; vm; vm = next) {
    next = next_vm(rt, vm);
    if (!embedded_vm_has_ended(vm)) continue;
    embedded_vm_join(vm);
    unlist(rt, vm);
    forget_vm(vm);
  }
}

static status end_vms(struct mm_rt *rt, deadline until) {
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm)) embedded_vm_close(vm);
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm)) {
    if (vm->config.where == MM_INLINE && !embedded_vm_has_ended(vm)) inline_vm_end(vm);
    if (embedded_vm_wait_end(vm, until) == STATUS_OK) continue;
    if (embedded_vm_kill(vm)) return STATUS_TIMEOUT;
    if (embedded_vm_wait_end(vm, deadline_never())) return STATUS_TIMEOUT;
  }
  return STATUS_OK;
}

status runtime_destroy(struct mm_rt *rt, deadline until) NO_THREAD_SAFETY_ANALYSIS {
  const status st = end_vms(rt, until);
  if (st) return st;
  runtime_reap(rt);
  runtime_forget_ended(rt);
  runtime_free_modules(rt);
  wakeup_close(rt->wakeup);
  free_runtime(rt);
  return STATUS_OK;
}

/* ---- polling --------------------------------------------------------------------------------- */

struct poll {
  struct mm_rt *rt;
  deadline until; /* of the budget */
  int delivered;
  bool has_run; /* an INLINE VM */
};

static bool is_over(const struct poll *p) {
  return !deadline_is_never(p->until) && deadline_passed(p->until);
}

static void deliver_all(struct poll *p) {
  struct mm_job *j;
  while (!is_over(p) && (j = runtime_next_ended(p->rt)) != NULL) {
    j->done(j->done_argument, j);
    job_release(j);
    p->delivered++;
  }
}

static void run_or_end_inline(struct mm_vm *vm, deadline until) {
  mutex_lock(&vm->lock);
  const bool is_closing = vm->is_closing;
  mutex_unlock(&vm->lock);
  if (is_closing)
    inline_vm_end(vm);
  else
    inline_vm_run(vm, until);
}

/* Whether an INLINE VM can go on in this poll. One that is to be ended always can. */
static bool can_go_on(struct mm_vm *vm) {
  if (!inline_vm_has_work(vm)) return false;
  mutex_lock(&vm->lock);
  const bool is_closing = vm->is_closing;
  mutex_unlock(&vm->lock);
  return is_closing || inline_vm_may_run(vm);
}

/* Runs a slice of each INLINE VM that has work. False: none had. */
static bool run_inlines(struct mm_rt *rt, deadline until) {
  bool has_run = false;
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm)) {
    if (!can_go_on(vm)) continue;
    const deadline slice = {clock_now_ns() + INLINE_SLICE_NS};
    run_or_end_inline(vm, deadline_earlier(slice, until));
    has_run = true;
  }
  return has_run;
}

/* Runs the VMs that have a number of instructions for each poll, whatever the time is. False: none had any left. */
static bool run_counted(struct mm_rt *rt) {
  bool has_run = false;
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm)) {
    for (; vm->config.poll_instructions && can_go_on(vm); has_run = true)
      run_or_end_inline(vm, deadline_never());
  }
  return has_run;
}

/* Whether the next poll has an INLINE VM to run; a job that only waits does not count. */
static bool has_inline_work(struct mm_rt *rt) {
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm))
    if (inline_vm_has_work(vm) && !inline_vm_waits(vm)) return true;
  return false;
}

/* A frame begins in all VMs. */
static void begin_frame(struct mm_rt *rt) {
  for (struct mm_vm *vm = first_vm(rt); vm; vm = next_vm(rt, vm)) {
    inline_vm_begin_poll(vm);
    (void)embedded_vm_begin_frame(vm);
  }
}

/* Runs until nothing is left or the budget is over. If work is left, makes the descriptor readable
 * again. */
static void poll_once(struct poll *p) {
  runtime_clear_wakeup(p->rt);
  for (deliver_all(p); run_counted(p->rt) || (!is_over(p) && run_inlines(p->rt, p->until)); deliver_all(p))
    p->has_run = true;
  runtime_reap(p->rt);
  runtime_clear_wakeup(p->rt);
  if (runtime_has_ended_jobs(p->rt) || has_inline_work(p->rt)) runtime_wake(p->rt);
}

status runtime_poll(struct mm_rt *rt, int64_t budget_ns, deadline until, int *delivered) {
  if (atomic_exchange(&rt->is_polling, true)) return -EAGAIN;
  struct poll p = {.rt = rt};
  begin_frame(rt);
  for (;;) {
    p.until = budget_ns ? (deadline){clock_now_ns() + budget_ns} : deadline_never();
    poll_once(&p);
    if (p.delivered || p.has_run || deadline_is_now(until) || deadline_passed(until)) break;
    struct ready news = ready_watch(rt->wakeup);
    (void)!ready_wait(&news, 1, until);
  }
  *delivered = p.delivered;
  atomic_store(&rt->is_polling, false);
  return STATUS_OK;
}

status runtime_wait_inline(struct mm_rt *rt, struct mm_job *j, deadline until) {
  if (atomic_exchange(&rt->is_polling, true)) return -EAGAIN;
  while (!job_has_ended(j) && !deadline_passed(until)) {
    if (run_inlines(rt, until)) continue;
    begin_frame(rt);
    if (has_inline_work(rt)) continue;
    const deadline soon = deadline_after(WAITING_LOOK_SECONDS);
    (void)!job_wait(j, &j->vm->wait_spin, deadline_earlier(soon, until)); /* no VM works: each one waits */
  }
  atomic_store(&rt->is_polling, false);
  return job_has_ended(j) ? STATUS_OK : STATUS_TIMEOUT;
}

status runtime_collect_inline(struct mm_rt *rt, struct mm_vm *vm, uint32_t budget_us, bool *is_over) {
  if (atomic_exchange(&rt->is_polling, true)) return -EAGAIN;
  *is_over = inline_vm_collect(vm, budget_us);
  atomic_store(&rt->is_polling, false);
  return STATUS_OK;
}
