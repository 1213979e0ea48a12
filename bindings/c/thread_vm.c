/* SPDX-License-Identifier: MIT */
/* An embedded VM in this process: on a thread of its own, or on the polling thread (INLINE).
 *
 * Between jobs the VM lock is left, so that threads that scripts have started in the VM can run.
 */
#include "c/embedded_vm.h"
#include "c/outbox.h"
#include "c/run_request.h"
#include "os/clock.h"
#include "os/signals.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"

enum { ASK_AGAIN_NS = 1000000 };

static void print_line(void *owner, const char *line) {
  const struct mm_vm *vm = owner;
  runtime_log(vm->rt, MM_LOG_PRINT, vm, line);
}

/* Whether stops use signals. An INLINE VM runs on a thread of the program and polls instead. */
static bool uses_signals(const struct mm_vm *vm) {
  return vm->rt->config.use_sigurg && vm->config.where == MM_THREAD;
}

static status prepare_stops(struct mm_vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  if (!uses_signals(vm)) {
    if (vm->can_stop) vm_poll_stops(vm->vm);
    return STATUS_OK;
  }
  if (lua_is_jit()) vm_poll_stops(vm->vm);
  const status st = alarm_make(&vm->alarm, SIGNAL_INTERRUPT);
  vm->has_alarm = st == STATUS_OK;
  return st;
}

static status thread_vm_open(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX])
    NO_THREAD_SAFETY_ANALYSIS {
  struct embedded_vm_options options = embedded_vm_options(vm);
  if (vm->rt->config.log) options.print = print_line;
  embedded_vm_set_stoppable(
      vm, vm->config.stoppable || vm->config.call_ms || vm->config.where == MM_INLINE || uses_signals(vm));
  options.counts_steps = vm->can_stop;
  options.vm.counts_memory = vm->config.where == MM_INLINE;
  status st = embedded_state_open(&vm->vm, &options, error);
  if (st) return st;
  if (vm->config.where == MM_THREAD) {
    vm_bind_thread(vm->vm);
    signals_let_interrupts_in();
  }
  st = prepare_stops(vm);
  if (st) {
    vm_close(vm->vm);
    return st;
  }
  vm_leave(vm->vm);
  return STATUS_OK;
}

static void thread_vm_close(struct mm_vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  if (vm->has_alarm) alarm_destroy(&vm->alarm);
  vm_enter(vm->vm);
  embedded_state_close(vm->vm);
}

static void thread_vm_stop(struct mm_vm *vm) {
  if (!vm->has_alarm) {
    vm_ask_to_stop(vm->vm, VM_STOP_TERMINATE);
    return;
  }
  vm_interrupt(vm->vm, VM_STOP_TERMINATE);
  alarm_start(&vm->alarm, deadline_after(0.001), ASK_AGAIN_NS);
}

/* Starts the time limit of a job, unless a stop is requested already and has set the alarm. */
static void set_limit(struct mm_vm *vm, const struct mm_job *j) {
  const int64_t limit = embedded_vm_limit_ns(vm, j);
  if (!limit) return;
  const deadline until = {clock_now_ns() + limit};
  mutex_lock(&vm->lock);
  if (vm->stop_reason == MM_OK) {
    vm_stop_at(vm->vm, until);
    if (vm->has_alarm) alarm_start(&vm->alarm, until, ASK_AGAIN_NS);
  }
  mutex_unlock(&vm->lock);
}

/* A job that was stopped without a request has reached its time limit; one that was to be closed has not. */
static void give_reason(struct mm_vm *vm, const struct mm_job *j, struct outcome *outcome) {
  if (j->request.kind != REQUEST_DROP && outcome->state == -MM_ECANCELED &&
      embedded_vm_stop_reason(vm) == MM_OK)
    outcome->state = -MM_ELIMIT_TIME;
}

static struct outcome thread_vm_run(struct mm_vm *vm, struct mm_job *j) NO_THREAD_SAFETY_ANALYSIS {
  vm_enter(vm->vm);
  set_limit(vm, j);
  struct outcome outcome = run_request(vm->vm, &j->request);
  give_reason(vm, j, &outcome);
  embedded_vm_note_memory(vm, vm_memory_of(vm->vm));
  vm_leave(vm->vm);
  return outcome;
}

static void thread_vm_settle(struct mm_vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  if (vm->has_alarm) alarm_stop(&vm->alarm);
  vm_enter(vm->vm);
  vm_clear_stop(vm->vm);
  vm_leave(vm->vm);
}

const struct embedded_vm_driver thread_vm_driver = {.open = thread_vm_open,
                                                    .run = thread_vm_run,
                                                    .settle = thread_vm_settle,
                                                    .stop = thread_vm_stop,
                                                    .close = thread_vm_close};
