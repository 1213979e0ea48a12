/* SPDX-License-Identifier: MIT */
/* A VM of a runtime: a line of jobs, and a thread that runs them one after the other, in a Lua VM
 * of its own (bindings/c/thread_vm.c) or in a process (bindings/c/process_vm.c). An INLINE one has no thread: the
 * polling thread runs it.
 *
 * I1  `lock` protects the line, which job runs, and whether it is to stop: so a stop never hits the
 *     job after the one that was meant. It is a leaf; the Lua VM's lock may be held while it is
 *     taken, and not the other way round.
 * I2  The thread that takes a job out of the line ends it.
 * I3  The thread, or the polling one, alone uses `vm` and `remote`; but a stop may be asked of
 *     them, under `lock`, while `running` is set.
 * I4  Owners are the program's handle and the runtime's list.
 */
#ifndef C_EMBEDDED_VM_H
#define C_EMBEDDED_VM_H

#include "c/embedded_state.h"
#include "c/job.h"
#include "c/spin.h"
#include "os/alarm.h"
#include "os/mutex.h"
#include "os/thread.h"

struct remote;

/* How the jobs of a kind of VM are run; on its thread. */
struct embedded_vm_driver {
  /* Entered in no VM before and after each of these. */
  status (*open)(struct mm_vm *vm, char error[EMBEDDED_STATE_ERROR_MAX]);
  struct outcome (*run)(struct mm_vm *vm, struct mm_job *j);
  void (*settle)(struct mm_vm *vm); /* after a job, when no stop can come any more */
  /* Asks the job that runs to stop; from any thread, under the VM's lock, while it is `running`. */
  void (*stop)(struct mm_vm *vm);
  void (*kill)(struct mm_vm *vm); /* under the VM's lock; NULL: it cannot be */
  void (*close)(struct mm_vm *vm);
};
extern const struct embedded_vm_driver thread_vm_driver, process_vm_driver;

enum { EMBEDDED_VM_NAME_MAX = 16 };
enum embedded_vm_phase { EMBEDDED_VM_STARTS, EMBEDDED_VM_READY, EMBEDDED_VM_FAILED, EMBEDDED_VM_ENDED };

struct mm_vm {
  _Atomic unsigned owners;
  struct mm_rt *rt;
  struct mm_vm *next;  /* in the runtime's list; under the runtime's lock */
  mm_vm_config config; /* a copy; its texts are ours; never changes */
  char name[EMBEDDED_VM_NAME_MAX];
  const struct embedded_vm_driver *driver;

  struct mutex lock;
  struct mm_job *waiting;   /* under `lock`: the next one first */
  unsigned waiting_count;   /* under `lock` */
  struct mm_job *running;   /* under `lock` */
  int stop_reason;          /* under `lock`: enum mm_err; MM_OK: none */
  bool is_closing;          /* under `lock` */
  bool is_given_up;         /* under `lock`: by the program; else its share ends with the runtime */
  bool is_dead;             /* under `lock`: its process is gone */
  int64_t running_since_ns; /* under `lock` */

  futex_word posted; /* changes when there is news for the thread */
  _Atomic uint32_t posted_sleepers;
  struct spin idle;    /* of the thread, between two jobs */
  struct spin asking;  /* of those who wait for jobs */
  futex_word phase;    /* enum embedded_vm_phase */
  status open_failure; /* with EMBEDDED_VM_FAILED */
  char open_error[EMBEDDED_STATE_ERROR_MAX];
  struct thread thread;
  void *thread_token;
  bool can_stop; /* running jobs can be stopped */

  struct vm *vm; /* I3 */
  struct thread_alarm alarm;
  bool has_alarm;
  struct remote *remote;
  int64_t piece_run_ns; /* INLINE: how long its job has run */

  _Atomic uint64_t jobs;
  _Atomic uint64_t busy_ns;
  _Atomic uint64_t memory;
  _Atomic uint64_t memory_peak;
  _Atomic int64_t os_id;
};

void embedded_vm_keep(struct mm_vm *vm);
/* Ready to run jobs, with one owner: the caller; the runtime takes another share. STATUS_DIED,
 * -ENOMEM, -EINVAL, -errno. */
MUST_CHECK status embedded_vm_make(struct mm_rt *rt, const mm_vm_config *config, struct mm_vm **out);
void embedded_vm_release(struct mm_vm *vm);
/* The program gives its handle up. */
void embedded_vm_give_up(struct mm_vm *vm);
/* No more jobs: those that wait are cancelled, one that runs is asked to stop. */
void embedded_vm_close(struct mm_vm *vm);
/* It has ended: joined, and gone but for its handle. */
bool embedded_vm_has_ended(const struct mm_vm *vm);
void embedded_vm_join(struct mm_vm *vm);
MUST_CHECK status embedded_vm_wait_end(struct mm_vm *vm, deadline until);

/* The VM takes a reference to the job. A negative mm_err: it does not. */
MUST_CHECK int embedded_vm_submit(struct mm_vm *vm, struct mm_job *j);
/* MM_OK, or MM_EUNSUPPORTED. */
int embedded_vm_cancel(struct mm_vm *vm, struct mm_job *j);
int embedded_vm_interrupt(struct mm_vm *vm);
int embedded_vm_kill(struct mm_vm *vm);

/* INLINE: whether there is something to run; and running it for a while. */
bool embedded_vm_has_work(struct mm_vm *vm);
void embedded_vm_run_inline(struct mm_vm *vm, deadline until);
void embedded_vm_end_inline(struct mm_vm *vm);

/* For drivers: notes what the Lua VM uses, for mm_vm_get_stats. */
void embedded_vm_note_memory(struct mm_vm *vm, struct vm_memory memory);
/* For drivers: how long this job may run; 0: as long as it likes. */
int64_t embedded_vm_limit_ns(const struct mm_vm *vm, const struct mm_job *j);
/* Why the job that runs is to stop; MM_OK: it is not. */
int embedded_vm_stop_reason(struct mm_vm *vm);
struct embedded_vm_options embedded_vm_options(struct mm_vm *vm);

#endif
