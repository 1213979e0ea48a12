/* SPDX-License-Identifier: MIT */
/* The jobs of an INLINE VM, which the polling thread runs a slice at a time.
 *
 * Jobs run on a C stack of their own (os/fiber.h): a slice ends with a switch back to the poller's stack,
 * wherever the job is then, also in a coroutine of the script, and in a C function that counts its steps
 * or calls Lua. The poller's stack holds nothing of a job, and the next slice may run on another thread.
 * In all else the VM is like one in a thread (thread_vm.c).
 *
 * I1  Only the polling thread calls these functions, and no two at a time.
 * I2  The VM's lock is entered while a job's stack runs, and left between two slices.
 */
#include "c/embedded_vm.h"

#include <errno.h>

#include "base/memory.h"
#include "c/run_request.h"
#include "os/clock.h"
#include "os/fiber.h"
#include "state/vm_interrupt.h"

/* `next` is where the jobs' stack goes on: its start, or `job` once it has run. */
struct inline_vm {
  struct fiber stack;
  struct fiber poller;
  struct fiber job;
  struct fiber *next;
  struct outcome outcome;
  bool has_ended;
  int64_t run_ns;     /* of the running job so far */
  int64_t left;       /* instructions of this poll; only with poll_instructions */
  bool waits;         /* the job waits for the next poll */
  lua_State *running; /* the job's coroutine and task, while the poller's stack runs */
  const void *task;
};

/* ---- the two stacks -------------------------------------------------------------------------- */

/* On the jobs' stack, which may be another fiber of the script there: the poller goes on, until the next
 * slice. */
static void give_way(void *argument) {
  struct mm_vm *vm = argument;
  struct inline_vm *self = vm->inline_vm;
  struct vm_thread *t = &vm->vm->main;
  self->running = atomic_load(&t->running);
  self->task = t->task;
  fiber_adopt(&self->job);
  self->next = &self->job;
  fiber_switch(&self->job, &self->poller);
  atomic_store(&t->running, self->running);
  t->task = self->task;
}

static void run_jobs(void *argument) {
  struct mm_vm *vm = argument;
  for (;;) {
    vm->inline_vm->outcome = run_request(vm->vm, &vm->running->request);
    vm->inline_vm->has_ended = true;
    give_way(vm);
  }
}

/* On the poller's stack: a slice of the running job. */
static void run_slice(struct mm_vm *vm, deadline until) {
  struct inline_vm *self = vm->inline_vm;
  struct vm_thread *t = &vm->vm->main;
  if (vm->config.poll_instructions)
    vm_pause_after(vm->vm, self->left);
  else
    vm_pause_at(vm->vm, until);
  fiber_adopt(&self->poller);
  fiber_switch(&self->poller, self->next);
  self->left = vm_instructions_left(vm->vm);
  self->waits = vm_waits_for_poll(vm->vm);
  vm_pause_at(vm->vm, deadline_never());
  atomic_store(&t->running, vm_lua(vm->vm));
  t->task = NULL;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Runs one slice of the running job. True: it has ended. */
static bool run_piece(struct mm_vm *vm, const struct mm_job *j, deadline until, struct outcome *outcome) {
  struct inline_vm *self = vm->inline_vm;
  const int64_t limit = embedded_vm_limit_ns(vm, j), from = clock_now_ns();
  if (limit) vm_stop_at(vm->vm, (deadline){from + limit - self->run_ns});
  run_slice(vm, until);
  self->run_ns += clock_now_ns() - from;
  if (!self->has_ended) return false;
  *outcome = self->outcome;
  if (limit && self->run_ns >= limit && outcome->state == -MM_ECANCELED) {
    mutex_lock(&vm->lock);
    if (vm->stop_reason == MM_OK) vm->stop_reason = MM_ELIMIT_TIME;
    mutex_unlock(&vm->lock);
  }
  return true;
}

/* A request of the program runs on the program's stack, and in one go. True: the job has ended. */
static bool begin_job(struct mm_vm *vm, const struct mm_job *j, struct outcome *outcome) {
  vm->inline_vm->run_ns = 0;
  vm->inline_vm->has_ended = false;
  if (j->request.kind != REQUEST_FUNCTION && j->request.kind != REQUEST_COLLECT) return false;
  *outcome = run_request(vm->vm, &j->request);
  return true;
}

/* `is_new`: the job has not run yet. */
static void run_job(struct mm_vm *vm, struct mm_job *j, bool is_new, deadline until)
    NO_THREAD_SAFETY_ANALYSIS {
  struct outcome outcome = {0};
  vm_enter(vm->vm);
  bool has_ended = is_new && begin_job(vm, j, &outcome);
  if (!has_ended) has_ended = run_piece(vm, j, until, &outcome);
  if (has_ended) embedded_vm_note_memory(vm, vm_memory_of(vm->vm));
  vm_leave(vm->vm);
  if (!has_ended) return;
  embedded_vm_end_running(vm, j, outcome, vm->inline_vm->run_ns);
  vm->driver->settle(vm);
}

void inline_vm_run(struct mm_vm *vm, deadline until) {
  struct mm_job *running = vm->running; /* I3 of embedded_vm.h: this thread alone changes it */
  struct mm_job *j = running ? running : embedded_vm_begin_next(vm);
  if (!j) return;
  if (j->request.kind == REQUEST_RESET)
    embedded_vm_end_running(vm, j, embedded_vm_run_reset(vm), 0);
  else
    run_job(vm, j, !running, until);
}

bool inline_vm_has_work(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const bool has = vm->running || vm->waiting || vm->is_closing;
  mutex_unlock(&vm->lock);
  return has && vm->config.where == MM_INLINE && !embedded_vm_has_ended(vm);
}

void inline_vm_begin_poll(struct mm_vm *vm) {
  if (!vm->inline_vm) return;
  vm->inline_vm->left = vm->config.poll_instructions;
  vm->inline_vm->waits = false;
}

bool inline_vm_may_run(const struct mm_vm *vm) {
  const struct inline_vm *self = vm->inline_vm;
  return !self || (!self->waits && (!vm->config.poll_instructions || self->left > 0));
}

bool inline_vm_waits(const struct mm_vm *vm) { return vm->inline_vm && vm->inline_vm->waits; }

bool inline_vm_collect(struct mm_vm *vm, uint32_t budget_us) NO_THREAD_SAFETY_ANALYSIS {
  if (!vm->inline_vm) return true;
  vm_enter(vm->vm);
  const bool is_over = run_request_collect_beside(vm->vm, budget_us);
  embedded_vm_note_memory(vm, vm_memory_of(vm->vm));
  vm_leave(vm->vm);
  return is_over;
}

/* ---- opening and closing --------------------------------------------------------------------- */

static status inline_vm_open(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX])
    NO_THREAD_SAFETY_ANALYSIS {
  struct inline_vm *self = memory_alloc(sizeof *self);
  if (!self) return -ENOMEM;
  status st = fiber_make(&self->stack, run_jobs, vm);
  if (st) goto no_stack;
  st = thread_vm_driver.open(vm, error);
  if (st) goto no_vm;
  self->next = &self->stack;
  vm->inline_vm = self;
  vm_enter(vm->vm);
  vm_pause_with(vm->vm, give_way, vm, vm->config.poll_instructions ? VM_PAUSES_BY_COUNT : VM_PAUSES_BY_TIME);
  vm_leave(vm->vm);
  return STATUS_OK;
no_vm:
  fiber_free(&self->stack);
no_stack:
  memory_free(self);
  return st;
}

static void inline_vm_close(struct mm_vm *vm) {
  thread_vm_driver.close(vm);
  fiber_free(&vm->inline_vm->stack);
  memory_free(vm->inline_vm);
  vm->inline_vm = NULL;
}

void inline_vm_end(struct mm_vm *vm) {
  embedded_vm_close(vm); /* stops the job */
  while (vm->running) {
    inline_vm_begin_poll(vm);
    inline_vm_run(vm, deadline_never());
  }
  if (vm->is_open) vm->driver->close(vm);
  embedded_vm_set_phase(vm, EMBEDDED_VM_ENDED);
}

static void settle(struct mm_vm *vm) { thread_vm_driver.settle(vm); }
static void stop(struct mm_vm *vm) { thread_vm_driver.stop(vm); }

const struct embedded_vm_driver inline_vm_driver = {
    .open = inline_vm_open, .settle = settle, .stop = stop, .close = inline_vm_close};
