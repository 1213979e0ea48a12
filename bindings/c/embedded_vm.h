/* SPDX-License-Identifier: MIT */
/* An embedded VM (mm_vm): a queue of jobs, and a thread that runs them one after the other, in a
 * Lua VM (bindings/c/thread_vm.c) or in a process (bindings/c/process_vm.c). An INLINE VM has no
 * thread: the polling thread runs its jobs (bindings/c/inline_vm.c).
 *
 * I1  `lock` protects the queue, the running job and the request to stop it. So a stop never
 *     reaches the job after the intended one. It is a leaf: it may be taken while the VM lock of
 *     the Lua VM is held, and not the other way round.
 * I2  The thread that takes a job out of the queue ends it.
 * I3  Only the VM's thread, or the polling thread of an INLINE VM, uses `vm` and `process`. The
 *     exception is a stop: any thread may request it under `lock` while `running` is set.
 * I4  The owners of an mm_vm are the program's handle, the runtime's list and the VM's jobs.
 * I5  A coroutine job is in `waiting` or `sleeping`, or it runs. Its coroutine is in the Lua VM from
 *     its first run to its end, so a cancel takes it through the VM once more (REQUEST_DROP).
 */
#ifndef C_EMBEDDED_VM_H
#define C_EMBEDDED_VM_H

#include "c/embedded_state.h"
#include "c/job.h"
#include "c/spin.h"
#include "os/alarm.h"
#include "os/mutex.h"
#include "os/thread.h"

struct process_vm;
struct inline_vm;

/* The operations of one kind of VM. The VM's thread calls them, except stop and kill. It has
 * entered no VM before and after each call. */
struct embedded_vm_driver {
  /* -ENOMEM, -EINVAL with a text in `error`, STATUS_DIED, -errno. */
  status (*open)(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]);
  struct outcome (*run)(struct mm_vm *vm, struct mm_job *j); /* NULL: it has no thread */
  void (*settle)(struct mm_vm *vm); /* after a job, when no stop is possible any more */
  /* Requests that the running job stops; on any thread, under the VM's `lock`, while it runs. */
  void (*stop)(struct mm_vm *vm);
  void (*kill)(struct mm_vm *vm); /* on any thread, under the VM's `lock`; NULL: not possible */
  void (*close)(struct mm_vm *vm);
};
extern const struct embedded_vm_driver thread_vm_driver, process_vm_driver, inline_vm_driver;

enum { EMBEDDED_VM_NAME_MAX = 16 };
enum embedded_vm_phase { EMBEDDED_VM_STARTS, EMBEDDED_VM_READY, EMBEDDED_VM_FAILED, EMBEDDED_VM_ENDED };

struct mm_vm {
  _Atomic unsigned owners;
  struct mm_rt *rt;
  struct mm_vm *next;  /* in the runtime's list; under the runtime's lock */
  mm_vm_config config; /* a copy with copies of its texts; never changes */
  char name[EMBEDDED_VM_NAME_MAX];
  struct bytes sandbox; /* rules (worker/sandbox_rules.h); empty: none; never changes */
  const struct embedded_vm_driver *driver;

  struct mutex lock;
  struct mm_job *waiting;   /* under `lock`: the queue, the next job first */
  unsigned waiting_count;   /* under `lock` */
  struct mm_job *sleeping;  /* under `lock`: coroutine jobs that wait for the next frame, the last first */
  uint64_t coroutines;      /* under `lock`: the number of the last one */
  struct mm_job *running;   /* under `lock` */
  int stop_reason;          /* under `lock`: enum mm_err; MM_OK: none */
  bool is_closing;          /* under `lock` */
  bool is_given_up;         /* under `lock`: the program has freed its handle; else the runtime does */
  bool is_dead;             /* under `lock`: its process has died */
  int64_t running_since_ns; /* under `lock` */

  futex_word posted; /* changes with each new job and with a close: wakes the thread */
  _Atomic uint32_t posted_sleepers;
  struct spin idle_spin; /* for the thread between two jobs */
  struct spin wait_spin; /* for threads that wait for jobs */
  futex_word phase;      /* enum embedded_vm_phase */
  status open_failure;   /* with EMBEDDED_VM_FAILED */
  char open_error[EMBEDDED_STATE_ERROR_MAX];
  struct thread thread;
  void *thread_token;
  bool can_stop; /* a running job can be stopped; written under `lock` */

  struct vm *vm; /* I3 */
  struct thread_alarm alarm;
  bool has_alarm;
  struct process_vm *process;
  struct inline_vm *inline_vm; /* NULL: it has a thread */
  bool is_open;                /* I3: driver->open has succeeded, and driver->close was not called since */

  _Atomic uint64_t jobs;
  _Atomic uint64_t busy_ns;
  _Atomic uint64_t memory;
  _Atomic uint64_t memory_peak;
  _Atomic int64_t os_id;
};

/* Adds an owner. */
void embedded_vm_keep(struct mm_vm *vm);
/* Makes a VM and waits until it is ready. Its owners are the caller and the runtime. STATUS_DIED,
 * STATUS_TIMEOUT, -ENOMEM, -EINVAL, -errno: no VM was made, and `error` may have a text. */
MUST_CHECK status embedded_vm_make(struct mm_rt *rt, const mm_vm_config *config, struct mm_vm **out,
                                   char error[EMBEDDED_STATE_ERROR_MAX]);
/* Removes an owner; the last one frees the VM, which has ended by then. */
void embedded_vm_release(struct mm_vm *vm);
/* Closes the VM and releases the program's handle. */
void embedded_vm_give_up(struct mm_vm *vm);
/* Refuses further jobs, cancels the waiting ones, and requests that the running one stops. */
void embedded_vm_close(struct mm_vm *vm);
/* Whether the VM's thread has run its last job and closed the Lua VM. */
bool embedded_vm_has_ended(const struct mm_vm *vm);
/* Joins the VM's thread; does nothing for an INLINE VM. */
void embedded_vm_join(struct mm_vm *vm);
/* STATUS_TIMEOUT. */
MUST_CHECK status embedded_vm_wait_end(struct mm_vm *vm, deadline until);

/* Queues a job; the VM becomes an owner of it. A negative mm_err: the job was not queued. */
MUST_CHECK int embedded_vm_submit(struct mm_vm *vm, struct mm_job *j);
/* Cancels all jobs and queues a REQUEST_RESET, also in a VM whose process has died. -MM_ECLOSED;
 * -MM_EUNSUPPORTED: a job runs that cannot be stopped. */
MUST_CHECK int embedded_vm_submit_reset(struct mm_vm *vm, struct mm_job *j);
/* A frame begins: the coroutine jobs that wait for it are queued. False: none did. */
bool embedded_vm_begin_frame(struct mm_vm *vm);
/* These return MM_OK or MM_EUNSUPPORTED (not negated). */
int embedded_vm_cancel(struct mm_vm *vm, struct mm_job *j);
/* Stops the job that runs, which ends with MM_ECANCELED; none: nothing happens. MM_EUNSUPPORTED:
 * it runs in a thread whose VM cannot be stopped. Any thread. */
int embedded_vm_interrupt(struct mm_vm *vm);
/* Kills the process of the VM; its jobs end with MM_EDIED. MM_EUNSUPPORTED: it has none. Any
 * thread. */
int embedded_vm_kill(struct mm_vm *vm);

/* For the thread that runs the VM's jobs. */
/* Takes the next job out of the queue and makes it the running one. NULL: the queue is empty. */
struct mm_job *embedded_vm_begin_next(struct mm_vm *vm);
/* Ends the running job, which ran for busy_ns and cannot be stopped from here on, or puts it to sleep
 * (OUTCOME_WAITS). A failure that a stop has caused gets the reason of the stop. */
void embedded_vm_end_running(struct mm_vm *vm, struct mm_job *j, struct outcome outcome, int64_t busy_ns);
/* Runs a REQUEST_RESET: closes the Lua VM and opens a fresh one. The caller has entered no VM. */
struct outcome embedded_vm_run_reset(struct mm_vm *vm);
void embedded_vm_set_phase(struct mm_vm *vm, enum embedded_vm_phase phase);

/* For INLINE VMs, on the polling thread. */
/* Whether this is an INLINE VM with a job to run, or to be ended. */
bool inline_vm_has_work(struct mm_vm *vm);
/* A poll begins: a VM with a number of instructions for each poll may run them anew. */
void inline_vm_begin_poll(struct mm_vm *vm);
/* Whether it may run in this poll: it has instructions left, and its job does not wait for the next one. */
bool inline_vm_may_run(const struct mm_vm *vm);
bool inline_vm_waits(const struct mm_vm *vm);
/* Collects garbage for so long, also in the middle of a job. True: a cycle is over. */
bool inline_vm_collect(struct mm_vm *vm, uint32_t budget_us);
/* Runs the current or the next job until it ends, or until `until`. */
void inline_vm_run(struct mm_vm *vm, deadline until);
/* Stops the job, which runs until it obeys, and closes the Lua VM. */
void inline_vm_end(struct mm_vm *vm);

/* For drivers: records the memory of the Lua VM, for mm_vm_get_stats. */
void embedded_vm_note_memory(struct mm_vm *vm, struct vm_memory memory);
/* For drivers: whether a running job can be stopped. A reset opens a VM again, while other threads read that. */
void embedded_vm_set_stoppable(struct mm_vm *vm, bool can_stop);
/* For drivers: the time limit of a job; 0: none. */
int64_t embedded_vm_limit_ns(const struct mm_vm *vm, const struct mm_job *j);
/* The reason why the running job must stop; MM_OK: no stop is requested. */
int embedded_vm_stop_reason(struct mm_vm *vm);
/* For drivers, on the VM's thread: asks the function mm_rt_config.find. `owner` is the mm_vm. */
bool embedded_vm_find_module(void *owner, const char *name, struct mm_source *out);
/* The options for embedded_state_open, without `print`. */
struct embedded_vm_options embedded_vm_options(struct mm_vm *vm);

#endif
