/* SPDX-License-Identifier: MIT */
/* The structures of a VM and its threads. The model is in vm.h; the lock is in vm_lock.h.
 *
 * The VM lock protects the fields of a VM. The fields of a vm_thread belong to that thread. Atomic
 * fields are the exception: other threads write them, or a signal handler reads them.
 */
#ifndef STATE_VM_STRUCT_H
#define STATE_VM_STRUCT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/blocks.h"
#include "base/bytes.h"
#include "base/deadline.h"
#include "os/alarm.h"
#include "os/thread.h"
#include "profile/sheet.h"
#include "shared/accounts.h"
#include "shared/ring.h"
#include "state/vm_lock.h"

/* The reason of a stop. A larger one replaces a smaller one. */
enum vm_stop {
  VM_STOP_NONE = 0,
  VM_STOP_INTERRUPT = 1, /* Ctrl-C: an error that ends the running code */
  VM_STOP_TERMINATE =
      2,            /* terminate, cancel or a time limit: code in the VM may clean up (struct vm_grace) */
  VM_STOP_KILL = 3, /* kill: it may not */
  VM_STOP_EXIT = 4, /* os.exit in a worker: the same with an exit code */
};

/* The time that a thread has to clean up when it is asked to end (vm_interrupt.h). It passes in ticks, which
 * the thread counts itself, a few at once: a thread that gets no processor loses little. */
struct vm_grace {
  _Atomic int raises;      /* how many more times a stop leaves time after its error; 0: it is final */
  _Atomic int ticks;       /* until the stop is raised again; 0: at once */
  _Atomic int64_t tick_ns; /* when the next one is over */
  _Atomic bool is_polling; /* the running code asks for itself (vm_is_asked_to_stop) */
  bool was_asked;          /* it had a moment to begin to, … */
  bool had_time;           /* … and, if it does, time to find the answer */
  bool is_late;            /* a hook of this library in Lua raises errors */
  int deferred;            /* how often the error was put off until a step of this library was done */
  bool has_alarm;          /* which brings the ticks */
  struct thread_alarm alarm;
  _Atomic int64_t end_ns; /* when SIGTERM ends the process (vm_obey_sigterm); 0: it has not come */
  struct thread_alarm end;
};

/* The script's hook while a request's hook takes its place; see vm_interrupt.h. */
struct displaced_hook {
  lua_State *of; /* NULL: no hook */
  lua_Hook hook;
  int mask;
  int count;
};

/* A resume that has not returned: its C frame has this. */
struct vm_resume {
  lua_State *from;
  const struct vm_resume *outer;
};

/* What the sampler (sampler.h) knows of a thread. */
struct vm_sampled {
  uint32_t generation;    /* of the profile that the rest belongs to */
  _Atomic uint32_t root;  /* the thread's, in the profile; 0: none yet */
  _Atomic uint32_t stack; /* where it waits, 0: unknown, … */
  _Atomic int64_t
      stack_taken_ns; /* … and taken_ns of the lock's user then: while that is the same, so is it */
  _Atomic uint32_t due_us[PROFILE_STATE_COUNT]; /* for the stack that the next look finds */
  /* The sampler's alone. */
  bool was_runnable;
  bool has_run;    /* between the last two looks */
  bool is_assumed; /* was_runnable: it ran nearly all the time; the kernel was not asked */
  uint64_t ran_ns;
  uint64_t was_ready_ns;
  int64_t ready_balance_ns; /* ready time that no sample has yet shown */
};

/* The bytes of a state of math.random, of any Lua. */
enum { RANDOM_STATE_MAX = 192 };

/* One OS thread of a VM. */
struct vm_thread {
  struct lock_user user; /* first: the lock's users are vm_threads */
  struct vm *vm;
  lua_State *base;                /* where its Lua begins: what a script calls the main coroutine */
  lua_State *_Atomic running;     /* the running coroutine; read by a signal handler on this thread */
  const struct vm_resume *resume; /* the innermost one under way; NULL: none */
  _Atomic int call;               /* enum trace_call: the wait that is under way, in which the lock is left */
  size_t inherited_calls;         /* of the stack, at its bottom: those in which the parent has forked */
  struct vm_sampled sampled;
  char name[PROFILE_NAME_MAX]; /* under the mutex of vm_live_lock, as is the next one */
  char world[PROFILE_WORLD_MAX];
  const void *task;             /* the coroutine of the running async task, or NULL */
  bool has_tasks;               /* the thread has async tasks, which run while C code waits */
  const void *waits_for;        /* while it waits for something that can be closed: what; else NULL */
  struct thread waiter;         /* the OS thread of that wait */
  bool is_disturbed;            /* something was closed; a wait for many things clears it */
  struct vm_thread *next;       /* of the VM's other threads */
  _Atomic int stop;             /* enum vm_stop */
  const _Atomic uint64_t *word; /* see vm_obey; NULL: none */
  _Atomic int64_t stop_at_ns;   /* see vm_stop_at; 0: none */
  _Atomic int exit_code;        /* with VM_STOP_EXIT */
  _Atomic bool has_stopped;     /* the error of the stop was raised */
  struct vm_grace grace;
  _Atomic bool is_ending;          /* set by vm_end_stops: stops are ignored */
  struct displaced_hook displaced; /* written by a signal handler on this thread */
  lua_State *silent;               /* the coroutine that the last signal found where no hook runs */
  bool has_stream;                 /* of math.random (random_stream.h), … */
  uint8_t stream[RANDOM_STATE_MAX]
      __attribute__((aligned(8))); /* … whose state is here while another thread runs */
  /* For messages to this thread: a buffer for short ones, and the one being decoded. */
  struct bytes inbox;
  struct ring_message message;
};

/* How a VM that polls looks up from running Lua; see vm_pause_with. Its main thread alone uses it. */
struct vm_polling {
  void (*pause)(void *argument); /* NULL: it never pauses */
  void *argument;
  void (*look_soon)(struct vm *vm); /* for the allocator: the next instruction looks up */
  int64_t pause_at_ns;              /* 0: not before it is set */
  bool counts;                      /* it pauses after so many instructions, whatever the time is: */
  int64_t left;                     /* how many are left; steps of C functions count as instructions */
  bool waits;                       /* it paused to wait for the next poll */
  int64_t looked_at_ns;             /* when it looked up last */
  int count;                        /* instructions from one look to the next */
  unsigned steps_left;              /* of C functions, to the next look; see vm_step */
};

struct vm_library;

/* Where the state of math.random is; see random_stream.h. */
enum vm_random_source { RANDOM_IS_UNKNOWN, RANDOM_IS_OF_VM, RANDOM_IS_OF_PROCESS, RANDOM_IS_NONE };
struct vm_random {
  enum vm_random_source source;
  void *live;              /* of the VM: the userdata of the generator */
  size_t size;             /* of a state */
  struct vm_thread *owner; /* whose stream the generator has; NULL: the VM's own … */
  uint8_t state[RANDOM_STATE_MAX] __attribute__((aligned(8))); /* … which is here meanwhile */
};

/* The size of the text that tells where the longest hold of the lock ended. */
enum { VM_HOLD_TEXT = 400 };

struct vm {
  lua_State *state; /* the main state; NULL once closed */
  bool is_adopted;
  const struct vm_library *library; /* the open library; NULL: none yet (library.h) */
  struct vm_lock lock;
  struct account shared_account; /* of the shared memory that it makes; see vm_limit_shared_memory */
  struct vm_account *account;    /* NULL: memory is not counted; see vm.c */
  struct blocks blocks;          /* of its Lua, unless that has an allocator of its own */
  struct vm_thread main;
  struct vm_thread *others; /* the other threads, from vm_thread_add to vm_thread_remove */
  unsigned threads;         /* including main */
  bool polls_stops;         /* see vm_poll_stops */
  struct vm_polling polling;
  struct vm_random random;
  bool has_no_input; /* its standard input is at its end: it is a worker's, and a thread (io/file.c) */
  bool has_shared_originals; /* its originals are those of the list of this process (originals.c) */
  bool has_classes;          /* records of classes are in its registry (classes.c) */
  bool has_registries;       /* some of these are registries of objects */
  bool notes_stops;          /* the main thread keeps where it stops, in stop_place (vm_stop_place) */
  char *stop_place;
  uint32_t number;               /* among the VMs of this process, for traces; never given again */
  struct vm *next_live;          /* vm.c */
  _Atomic bool is_watched;       /* LuaJIT's profiler has it look when it is asked: no hook is needed */
  _Atomic uint64_t profile_word; /* the segment's, when the VM last looked (sampler_follow) */
  _Atomic bool is_sampled;       /* the sampler asks the holder to look at all stacks of the VM (sampler.h) */
  struct user_hooks *hooks;      /* the scripts' hooks with a count (vm_interrupt.h); NULL: none */
  int64_t maintained_ns;         /* when a wait last had bars drawn (core/waiting.c) */
  int64_t standstill_ns;         /* a standstill this long is said (deadlock/standstill.h); 0: never */
  int64_t longest_seen_ns;       /* the length of the hold that `longest` describes */
  char longest[VM_HOLD_TEXT];
};

#endif
