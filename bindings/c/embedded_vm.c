/* SPDX-License-Identifier: MIT */
#include "c/embedded_vm.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "c/outbox.h"
#include "c/sandbox_config.h"
#include "os/clock.h"
#include "state/vm_libraries.h"
#include "trace/trace.h"

/* ---- making and freeing ---------------------------------------------------------------------- */

static status copy_text(const char **text) {
  if (!*text) return STATUS_OK;
  *text = memory_copy_text(*text, strlen(*text));
  return *text ? STATUS_OK : -ENOMEM;
}

static void free_text(const char *text) { memory_free((void *)(uintptr_t)text); }

void embedded_vm_keep(struct mm_vm *vm) { atomic_fetch_add(&vm->owners, 1); }

void embedded_vm_release(struct mm_vm *vm) {
  if (atomic_fetch_sub(&vm->owners, 1) != 1) return;
  mutex_fini(&vm->lock);
  free_text(vm->config.path);
  free_text(vm->config.cpath);
  bytes_fini(&vm->sandbox);
  memory_free(vm);
}

static const struct embedded_vm_driver *driver_for(mm_where where) {
  if (where == MM_INLINE) return &inline_vm_driver;
  return where == MM_PROCESS ? &process_vm_driver : &thread_vm_driver;
}

static status embedded_vm_init(struct mm_vm *vm, struct mm_rt *rt, const mm_vm_config *config) {
  vm->rt = rt;
  vm->config = *config;
  vm->driver = driver_for(config->where);
  atomic_store(&vm->owners, 1);
  mutex_init(&vm->lock);
  snprintf(vm->name, sizeof vm->name, "%s", config->name ? config->name : "lua");
  vm->config.name = vm->name;
  if (!vm->config.libs) vm->config.libs = MM_LIB_SAFE;
  if (!vm->config.queue_max) vm->config.queue_max = 1024;
  if (!vm->config.stack_size) vm->config.stack_size = 1 << 20;
  const status path = copy_text(&vm->config.path);
  const status cpath = copy_text(&vm->config.cpath);
  if (path || cpath) return -ENOMEM;
  bytes_init(&vm->sandbox);
  const status st =
      sandbox_config_read(config, vm->name, &vm->sandbox, vm->open_error, sizeof vm->open_error);
  vm->config.sandbox = NULL; /* the program's own */
  return st;
}

/* What mm_rt_config.find finds. */
bool embedded_vm_find_module(void *owner, const char *name, struct mm_source *out) {
  const struct mm_vm *vm = owner;
  return vm->rt->config.find(vm->rt->config.find_ud, vm, name, out) && out->is_given;
}

struct embedded_vm_options embedded_vm_options(struct mm_vm *vm) {
  struct mm_rt *rt = vm->rt;
  mutex_lock(&rt->lock);
  const struct module *modules = rt->modules;
  mutex_unlock(&rt->lock);
  return (struct embedded_vm_options){
      .library = rt->library,
      .vm = {.libraries = (vm->config.libs & MM_LIB_ALL) | VM_LIB_SAFE,
             .memory_limit = vm->config.mem_limit,
             .alloc = rt->config.alloc,
             .alloc_context = rt->config.alloc_ud},
      .path = vm->config.path,
      .cpath = vm->config.cpath,
      .modules = {modules, rt->config.find ? embedded_vm_find_module : NULL, vm},
      .has_require = vm->config.libs & MM_LIB_REQUIRE,
      .owner = vm,
  };
}

/* ---- the queue of jobs ----------------------------------------------------------------------- */

static void post(struct mm_vm *vm) {
  if (vm->config.where == MM_INLINE) {
    runtime_wake(vm->rt);
    return;
  }
  atomic_fetch_add(&vm->posted, 1);
  spin_wake(&vm->posted, &vm->posted_sleepers);
}

/* What the program asks of the VM itself, and no script sees. */
static bool is_of_program(const struct mm_job *j) {
  return j->request.kind == REQUEST_FUNCTION || j->request.kind == REQUEST_COLLECT ||
         j->request.kind == REQUEST_RESET;
}

/* Requests of the program come first, then larger priorities. */
static bool is_before(const struct mm_job *a, const struct mm_job *b) {
  return is_of_program(a) != is_of_program(b) ? is_of_program(a) : a->priority > b->priority;
}

static void enqueue(struct mm_vm *vm, struct mm_job *j) REQUIRES(vm->lock) {
  struct mm_job **place = &vm->waiting;
  while (*place && !is_before(j, *place)) place = &(*place)->next;
  j->next = *place;
  *place = j;
  vm->waiting_count++;
}

/* Makes the VM an owner of the job, and the job one of the VM. */
static void adopt_locked(struct mm_vm *vm, struct mm_job *j) REQUIRES(vm->lock) {
  job_keep(j);
  embedded_vm_keep(vm);
  j->vm = vm;
  j->release_vm = embedded_vm_release;
  if (j->request.coroutine) j->request.coroutine = ++vm->coroutines;
  enqueue(vm, j);
}

int embedded_vm_submit(struct mm_vm *vm, struct mm_job *j) {
  int err = MM_OK;
  mutex_lock(&vm->lock);
  if (vm->is_dead)
    err = MM_EDIED;
  else if (vm->is_closing)
    err = MM_ECLOSED;
  else if (!is_of_program(j) && vm->waiting_count >= vm->config.queue_max)
    err = MM_EAGAIN;
  else if (j->timeout_ms && !vm->can_stop)
    err = MM_EUNSUPPORTED;
  if (err == MM_OK) adopt_locked(vm, j);
  mutex_unlock(&vm->lock);
  if (err == MM_OK) post(vm);
  return -err;
}

/* The coroutine jobs that sleep go back into the queue, the first one first. */
static bool wake_sleepers_locked(struct mm_vm *vm) REQUIRES(vm->lock) {
  struct mm_job *in_order = NULL;
  for (struct mm_job *j = vm->sleeping, *next; j; j = next) {
    next = j->next;
    j->next = in_order;
    in_order = j;
  }
  vm->sleeping = NULL;
  const bool has_any = in_order != NULL;
  for (struct mm_job *j = in_order, *next; j; j = next) {
    next = j->next;
    enqueue(vm, j);
  }
  return has_any;
}

bool embedded_vm_begin_frame(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const bool has_any = wake_sleepers_locked(vm);
  mutex_unlock(&vm->lock);
  if (has_any && vm->config.where != MM_INLINE) post(vm);
  return has_any;
}

/* Empties the queue and returns its jobs, those that sleep among them. */
static struct mm_job *take_all_locked(struct mm_vm *vm) REQUIRES(vm->lock) {
  (void)wake_sleepers_locked(vm);
  struct mm_job *all = vm->waiting;
  vm->waiting = NULL;
  vm->waiting_count = 0;
  return all;
}

/* The error of a job without `out` and `done` is reported. */
static void end_job(struct mm_vm *vm, struct mm_job *j, struct outcome outcome) {
  if (outcome.state < 0 && outcome.state != -MM_ECANCELED && !j->is_watched)
    runtime_report(vm->rt, vm, vm->name, outcome.error ? outcome.error : outcome_text(outcome.state));
  runtime_job_ended(vm->rt, j, outcome);
}

static void end_all(struct mm_vm *vm, struct mm_job *all, int err) {
  while (all) {
    struct mm_job *j = all;
    all = j->next;
    end_job(vm, j, outcome_failed(err, outcome_text(err)));
  }
}

static bool take_out_locked(struct mm_job **place, struct mm_job *j) {
  for (; *place; place = &(*place)->next) {
    if (*place != j) continue;
    *place = j->next;
    return true;
  }
  return false;
}

/* Whether the job waited and is out of the queue. One that has begun stays there, to be closed. */
static bool withdraw_locked(struct mm_vm *vm, struct mm_job *j) REQUIRES(vm->lock) {
  if (take_out_locked(&vm->sleeping, j)) enqueue(vm, j);
  if (j->request.kind == REQUEST_RESUME) j->request.kind = REQUEST_DROP;
  if (j->request.kind == REQUEST_DROP || !take_out_locked(&vm->waiting, j)) return false;
  vm->waiting_count--;
  return true;
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* The first reason is kept. */
static void stop_running_locked(struct mm_vm *vm, int reason) REQUIRES(vm->lock) {
  if (vm->stop_reason == MM_OK) vm->stop_reason = reason;
  if (vm->running->request.kind != REQUEST_RESET) vm->driver->stop(vm);
}

int embedded_vm_stop_reason(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const int reason = vm->stop_reason;
  mutex_unlock(&vm->lock);
  return reason;
}

int embedded_vm_cancel(struct mm_vm *vm, struct mm_job *j) {
  mutex_lock(&vm->lock);
  const bool is_running = vm->running == j;
  const bool was_waiting = !is_running && withdraw_locked(vm, j);
  if (is_running && vm->can_stop) stop_running_locked(vm, MM_ECANCELED);
  mutex_unlock(&vm->lock);
  if (was_waiting)
    end_job(vm, j, outcome_failed(MM_ECANCELED, outcome_text(MM_ECANCELED)));
  else if (!is_running)
    post(vm);
  return is_running && !vm->can_stop ? MM_EUNSUPPORTED : MM_OK;
}

int embedded_vm_interrupt(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const bool is_running = vm->running != NULL;
  if (is_running && vm->can_stop) stop_running_locked(vm, MM_ECANCELED);
  mutex_unlock(&vm->lock);
  return is_running && !vm->can_stop ? MM_EUNSUPPORTED : MM_OK;
}

int embedded_vm_kill(struct mm_vm *vm) {
  if (!vm->driver->kill) return MM_EUNSUPPORTED;
  mutex_lock(&vm->lock);
  vm->driver->kill(vm);
  mutex_unlock(&vm->lock);
  return MM_OK;
}

void embedded_vm_close(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  vm->is_closing = true;
  struct mm_job *all = take_all_locked(vm);
  if (vm->running && vm->can_stop) stop_running_locked(vm, MM_ECANCELED);
  mutex_unlock(&vm->lock);
  end_all(vm, all, MM_ECANCELED);
  post(vm);
}

int embedded_vm_submit_reset(struct mm_vm *vm, struct mm_job *j) {
  struct mm_job *all = NULL;
  int err = MM_OK;
  mutex_lock(&vm->lock);
  if (vm->is_closing)
    err = MM_ECLOSED;
  else if (vm->running && !vm->can_stop)
    err = MM_EUNSUPPORTED;
  if (err == MM_OK) {
    all = take_all_locked(vm);
    if (vm->running) stop_running_locked(vm, MM_ECANCELED);
    adopt_locked(vm, j);
  }
  mutex_unlock(&vm->lock);
  end_all(vm, all, MM_ECANCELED);
  if (err == MM_OK) post(vm);
  return -err;
}

void embedded_vm_set_stoppable(struct mm_vm *vm, bool can_stop) {
  mutex_lock(&vm->lock);
  vm->can_stop = can_stop;
  mutex_unlock(&vm->lock);
}

void embedded_vm_note_memory(struct mm_vm *vm, struct vm_memory memory) {
  atomic_store(&vm->memory, memory.used);
  atomic_store(&vm->memory_peak, memory.peak);
}

void embedded_vm_give_up(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  vm->is_given_up = true;
  mutex_unlock(&vm->lock);
  embedded_vm_close(vm);
  embedded_vm_release(vm);
}

/* ---- running --------------------------------------------------------------------------------- */

int64_t embedded_vm_limit_ns(const struct mm_vm *vm, const struct mm_job *j) {
  const uint32_t own = j->timeout_ms, all = vm->config.call_ms;
  const uint32_t ms = own && (!all || own < all) ? own : all;
  return (int64_t)ms * 1000000;
}

struct mm_job *embedded_vm_begin_next(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  struct mm_job *j = vm->waiting;
  if (j) {
    vm->waiting = j->next;
    vm->waiting_count--;
    j->next = NULL;
    vm->running = j;
    vm->stop_reason = MM_OK;
    vm->running_since_ns = clock_now_ns();
    atomic_store(&j->phase, JOB_RUNS);
  }
  mutex_unlock(&vm->lock);
  return j;
}

/* Puts the reason of a stop before the place of the code. Without memory for both, the place stays. */
static void name_reason(struct outcome *outcome) {
  if (!outcome->error || (outcome->state != -MM_ECANCELED && outcome->state != -MM_ELIMIT_TIME)) return;
  const char *reason = outcome_text(outcome->state);
  const size_t size = strlen(reason) + strlen(outcome->error) + sizeof ": ";
  char *text = memory_alloc(size);
  if (!text) return;
  snprintf(text, size, "%s: %s", reason, outcome->error);
  memory_free(outcome->error);
  outcome->error = text;
}

/* The running job, a coroutine, waits for the next frame. One that was cancelled meanwhile is to be
 * closed; at the end of the VM it ends with that. */
static void sleep_running(struct mm_vm *vm, struct mm_job *j) {
  mutex_lock(&vm->lock);
  const bool is_cancelled = vm->stop_reason == MM_ECANCELED, is_closing = vm->is_closing;
  vm->running = NULL;
  atomic_store(&j->phase, JOB_WAITS);
  j->request.kind = is_cancelled ? REQUEST_DROP : REQUEST_RESUME;
  if (is_closing) {
    j->next = NULL;
  } else if (is_cancelled) {
    enqueue(vm, j);
  } else {
    j->next = vm->sleeping;
    vm->sleeping = j;
  }
  mutex_unlock(&vm->lock);
  if (is_closing) end_all(vm, j, MM_ECANCELED);
}

void embedded_vm_end_running(struct mm_vm *vm, struct mm_job *j, struct outcome outcome, int64_t busy_ns) {
  atomic_fetch_add(&vm->busy_ns, (uint64_t)(busy_ns > 0 ? busy_ns : 0));
  if (outcome.state == OUTCOME_WAITS) {
    sleep_running(vm, j);
    return;
  }
  mutex_lock(&vm->lock);
  const int reason = vm->stop_reason;
  vm->running = NULL;
  const bool is_dead = outcome.state == -MM_EDIED;
  struct mm_job *others = NULL;
  if (is_dead) {
    vm->is_dead = true;
    others = take_all_locked(vm);
  }
  mutex_unlock(&vm->lock);
  if (reason != MM_OK && (outcome.state == -MM_ECANCELED || is_dead)) outcome.state = -reason;
  if (!is_dead) name_reason(&outcome);
  atomic_fetch_add(&vm->jobs, 1);
  end_job(vm, j, outcome);
  end_all(vm, others, MM_EDIED);
}

static status open_vm(struct mm_vm *vm) {
  const status st = vm->driver->open(vm, vm->open_error);
  vm->is_open = st == STATUS_OK;
  return st;
}

struct outcome embedded_vm_run_reset(struct mm_vm *vm) {
  if (vm->is_open) vm->driver->close(vm);
  vm->open_error[0] = '\0';
  const status st = open_vm(vm);
  if (st)
    return outcome_failed(MM_EDIED, vm->open_error[0] ? vm->open_error : "the VM cannot be opened again");
  mutex_lock(&vm->lock);
  vm->is_dead = false;
  mutex_unlock(&vm->lock);
  return (struct outcome){.state = 1};
}

/* The settling of a job is that of its VM, which a reset that failed has closed. */
static void run_job(struct mm_vm *vm, struct mm_job *j) {
  const bool is_reset = j->request.kind == REQUEST_RESET;
  const struct outcome outcome = is_reset ? embedded_vm_run_reset(vm) : vm->driver->run(vm, j);
  embedded_vm_end_running(vm, j, outcome, clock_now_ns() - vm->running_since_ns);
  if (!is_reset) vm->driver->settle(vm);
}

static bool must_end(struct mm_vm *vm) {
  mutex_lock(&vm->lock);
  const bool must = vm->is_closing && !vm->waiting;
  mutex_unlock(&vm->lock);
  return must;
}

static void run_jobs(struct mm_vm *vm) {
  for (;;) {
    const uint32_t news = atomic_load(&vm->posted);
    struct mm_job *j = embedded_vm_begin_next(vm);
    if (j) {
      run_job(vm, j);
      continue;
    }
    if (must_end(vm)) return;
    (void)!spin_wait(&vm->idle_spin, &vm->posted, news, &vm->posted_sleepers, deadline_never());
  }
}

void embedded_vm_set_phase(struct mm_vm *vm, enum embedded_vm_phase phase) {
  atomic_store(&vm->phase, phase);
  futex_wake(&vm->phase, INT_MAX);
}

/* The VM's thread. Once the phase is ENDED the mm_vm may be freed, so the thread does not use it
 * after that. */
static void embedded_vm_main(void *argument) {
  struct mm_vm *vm = argument;
  if (vm->config.nice && vm->config.where == MM_THREAD) thread_be_nice(vm->config.nice);
  atomic_store(&vm->os_id, thread_kernel_id());
  trace_name_thread(vm->name);
  vm->open_failure = open_vm(vm);
  if (vm->open_failure) {
    embedded_vm_set_phase(vm, EMBEDDED_VM_FAILED);
    return;
  }
  embedded_vm_set_phase(vm, EMBEDDED_VM_READY);
  run_jobs(vm);
  if (vm->is_open) vm->driver->close(vm);
  struct mm_rt *rt = vm->rt;
  embedded_vm_set_phase(vm, EMBEDDED_VM_ENDED);
  runtime_wake(rt);
}

/* ---- threads --------------------------------------------------------------------------------- */

static status start_thread(struct mm_vm *vm) {
  const mm_rt_config *rt = &vm->rt->config;
  if (!rt->spawn_thread)
    return thread_start_with_stack(&vm->thread, embedded_vm_main, vm, vm->name, vm->config.stack_size);
  const int refused = rt->spawn_thread(rt->thread_ud, embedded_vm_main, vm, vm->name, vm->config.stack_size,
                                       &vm->thread_token);
  return refused ? -EAGAIN : STATUS_OK;
}

void embedded_vm_join(struct mm_vm *vm) {
  const mm_rt_config *rt = &vm->rt->config;
  if (vm->config.where == MM_INLINE) return;
  if (rt->join_thread)
    rt->join_thread(rt->thread_ud, vm->thread_token);
  else
    thread_join(&vm->thread);
}

bool embedded_vm_has_ended(const struct mm_vm *vm) { return atomic_load(&vm->phase) == EMBEDDED_VM_ENDED; }

static status wait_while(struct mm_vm *vm, enum embedded_vm_phase phase, deadline until) {
  while (atomic_load(&vm->phase) == phase) {
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    (void)!futex_wait(&vm->phase, phase, until);
  }
  return STATUS_OK;
}

status embedded_vm_wait_end(struct mm_vm *vm, deadline until) {
  return embedded_vm_has_ended(vm) ? STATUS_OK : wait_while(vm, EMBEDDED_VM_READY, until);
}

static status start(struct mm_vm *vm) {
  if (vm->config.where == MM_INLINE) {
    const status st = open_vm(vm);
    if (st == STATUS_OK) embedded_vm_set_phase(vm, EMBEDDED_VM_READY);
    return st;
  }
  const status st = start_thread(vm);
  if (st) return st;
  if (wait_while(vm, EMBEDDED_VM_STARTS, deadline_never())) return -EINTR;
  if (atomic_load(&vm->phase) == EMBEDDED_VM_READY) return STATUS_OK;
  embedded_vm_join(vm);
  return vm->open_failure;
}

status embedded_vm_make(struct mm_rt *rt, const mm_vm_config *config, struct mm_vm **out,
                        char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct mm_vm *vm = memory_alloc(sizeof *vm);
  if (!vm) return -ENOMEM;
  status st = embedded_vm_init(vm, rt, config);
  if (st == STATUS_OK) st = start(vm);
  if (st) {
    if (vm->open_error[0]) runtime_log(rt, MM_LOG_ERROR, vm, vm->open_error);
    memcpy(error, vm->open_error, sizeof vm->open_error);
    embedded_vm_release(vm);
    return st;
  }
  embedded_vm_keep(vm);
  mutex_lock(&rt->lock);
  vm->next = rt->vms;
  rt->vms = vm;
  mutex_unlock(&rt->lock);
  *out = vm;
  return STATUS_OK;
}
