/* SPDX-License-Identifier: MIT */
/* manymoons: many Lua VMs in one C or C++ program, each with its own lock, in threads or processes.
 *
 *     mm_rt *rt;                                    // a runtime: owns the VMs
 *     mm_vm *vm;                                    // a Lua VM, here with a thread of its own
 *     mm_job *job;                                  // a call that runs there, in parallel
 *     mm_vm_config config;
 *     mm_vm_config_init(&config);
 *     if (mm_rt_create(&rt, NULL) || mm_vm_create(rt, &vm, &config)) return 1;
 *     mm_eval(vm, NULL, "def", "function add(a, b) return a + b end", MM_ZERO, NULL);
 *     mm_val *args = mm_pack(rt, "ii", (int64_t)2, (int64_t)40);
 *     mm_call(vm, &job, "add", args, NULL);
 *     int64_t sum;
 *     if (mm_job_wait(job, -1) == 1 && mm_unpack(mm_job_result(job), "i", &sum) == 0) use(sum);
 *     mm_job_free(job), mm_val_free(args), mm_rt_free(rt, 1000);
 *
 * A game polls once a frame instead of waiting: mm_poll(rt, 500, 0) calls the `done` functions of
 * ended jobs and runs VMs without a thread of their own, for at most half a millisecond.
 *
 * INDEX, in the order of this header; each section has an example
 *  - the library: mm_version mm_lua_version mm_strerror mm_last_error
 *  - runtimes: mm_rt_config_init mm_rt_create mm_rt_free mm_rt_user mm_fd mm_poll
 *  - modules for `require`: mm_register mm_register_lua mm_source_give
 *  - VMs: mm_vm_config_init mm_vm_create mm_vm_free mm_vm_of mm_vm_user mm_vm_interrupt mm_vm_kill
 *    mm_vm_reset mm_vm_collect mm_vm_get_stats mm_vm_with_state
 *  - jobs: mm_job_opts_init mm_eval mm_call mm_job_state mm_job_wait mm_job_cancel mm_job_result
 *    mm_job_error mm_job_free
 *  - values: mm_pack mm_unpack mm_typeof mm_len mm_at mm_get mm_pair mm_bool mm_int mm_num mm_str
 *    mm_val_keep mm_val_free mm_push mm_take
 *  - queues: mm_queue_create mm_queue_put mm_queue_get mm_queue_size mm_queue_fd mm_queue_close
 *    mm_queue_free
 *  - shared arrays of numbers: mm_buf_create mm_buf_data mm_buf_type mm_buf_free
 *  - traces: mm_trace_start mm_trace_stop
 *  - worker processes: mm_worker_main luaopen_manymoons
 *
 * C++20 programs include manymoons.hpp, which has these as classes.
 *
 * RULES for all functions
 *  - Each function states its callers. [any]: any thread, at any time. [own]: one thread at a time,
 *    usually the one that created the runtime. [vm]: only C functions that a VM of this library
 *    calls, with the lua_State that they get.
 *  - A result of 0 or more is success, -MM_Esomething is failure; mm_last_error tells which argument
 *    was wrong. A failed call changes nothing and writes no results. No function aborts, exits,
 *    longjmps (except Lua's errors in [vm]) or prints. The error of a job that has neither `out` nor
 *    `done` goes to the log, or to stderr if the program has set none.
 *  - The caller owns, and frees, an object from `create` or from a function that returns `T *`. A
 *    `const T *` is borrowed. Freeing NULL is allowed. Strings and configurations are copied.
 *  - The library leaves the program's settings alone: it installs no signal handler (unless
 *    mm_rt_config.use_sigurg) and no atexit function, and does not change the locale. Its
 *    descriptors are close-on-exec; its threads block all signals.
 *  - A structure begins with its size: initialise it with its _init function, so that later
 *    versions of the library understand it.
 *  - Two runtimes in a program are independent, except that queues of `require "manymoons"` may be
 *    sent from a VM of one to a VM of the other.
 *
 * Link with `pkg-config --libs manymoons` (VMs of Lua 5.4) or manymoons-luajit. C99 and C++11.
 */
#ifndef MANYMOONS_H
#define MANYMOONS_H

/* clang-format off */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MM_API __attribute__((visibility("default")))
#else
#define MM_API
#endif

#define MM_VERSION_NUM 100          /* 0.1.0: 0,01,00, two digits each; compare with mm_version() */
#define MM_ZERO        ((size_t)-1) /* as a length: the text is zero-terminated */

typedef struct mm_rt mm_rt;   /* a runtime: owns VMs and their threads and processes */
typedef struct mm_vm mm_vm;   /* a Lua VM: in its own thread, in a process, or in the caller's thread */
typedef struct mm_job mm_job; /* a call or chunk submitted to a VM */
typedef struct mm_val mm_val; /* an immutable list of values, copied between VMs and C */
typedef struct mm_buf mm_buf; /* an array of numbers shared by the program and all VMs */
typedef struct mm_queue mm_queue;   /* a queue between the program and all VMs */
typedef struct mm_source mm_source; /* the source of a module, to be given */
struct lua_State;

/* Errors. Functions return them negated. */
typedef enum mm_err {
  MM_OK = 0,
  MM_ENOMEM,       /* no memory, here or in the system */
  MM_EINVAL,       /* an argument violates the function's contract */
  MM_ESYNTAX,      /* the source does not compile */
  MM_ERUN,         /* the code raised an error */
  MM_ELIMIT_MEM,   /* the job needed more memory than mm_vm_config.mem_limit */
  MM_ELIMIT_TIME,  /* the job reached its time limit and was stopped */
  MM_ECANCELED,    /* cancelled before its end, or before its start */
  MM_EDIED,        /* the process of the VM has died */
  MM_ETIMEOUT,     /* the wait timed out; call again */
  MM_EAGAIN,       /* busy: mm_vm_config.queue_max jobs wait already; for others see the function */
  MM_ECLOSED,      /* the VM was freed */
  MM_EUNSUPPORTED, /* not possible with this kind of VM or this configuration */
  MM_ESYS,         /* the system refused a thread, a process or a descriptor */
  MM_EUNSENDABLE   /* a result that cannot leave its VM: a coroutine, a foreign userdata */
} mm_err;

typedef enum mm_where {
  MM_THREAD = 1, /* its own thread: the default. Fastest; a crash in a C module ends the program */
  MM_PROCESS,    /* its own process: starts in 2 ms; may crash, leak or be killed safely */
  MM_INLINE      /* no thread: it runs in mm_poll, on the caller's thread, within the time budget, on
                  * a C stack of its own */
} mm_where;

/* The libraries of a VM. */
enum {
  /* base without dofile and loadfile, string, table, math, utf8 (LuaJIT: bit), coroutine;
   * load refuses bytecode */
  MM_LIB_SAFE = 1,
  MM_LIB_IO = 2, /* io, dofile, loadfile */
  MM_LIB_OS = 4, /* os; os.exit raises an error */
  /* require, C modules, and `require "manymoons"`: pools, queues and locks for the VM's scripts */
  MM_LIB_PACKAGE = 8,
  MM_LIB_DEBUG = 16,
  MM_LIB_FFI = 32, /* LuaJIT: ffi, jit */
  /* require, for modules of the program alone (mm_register, mm_register_lua, mm_rt_config.find): no
   * files, no C modules; for scripts that MM_LIB_PACKAGE would give too much. No part of
   * MM_LIB_ALL, whose `require` finds them as well. */
  MM_LIB_REQUIRE = 64,
  MM_LIB_ALL = 63  /* load accepts bytecode, too, which can crash the program: trusted scripts only */
};

typedef enum mm_log_level { MM_LOG_PRINT, MM_LOG_WARN, MM_LOG_ERROR } mm_log_level;

/* lua_Alloc. Called by several threads at once. */
typedef void *(*mm_alloc_fn)(void *ud, void *block, size_t old_size, size_t new_size);
/* Receives a log line. `text` has no newline; `vm` is its origin or NULL. Both are borrowed for the
 * call. Called on any thread; must not call mm_*. */
typedef void (*mm_log_fn)(void *ud, mm_log_level level, const mm_vm *vm, const char *text);
/* Asks the program to call mm_poll soon. Called on any thread; must not block, and must not call
 * mm_*. */
typedef void (*mm_wakeup_fn)(void *ud);
/* Runs run(arg) on a new thread that blocks the program's signals, and stores a token for the join
 * function. Returns 0, or another value on failure. */
typedef int (*mm_spawn_fn)(void *ud, void (*run)(void *), void *arg, const char *name, size_t stack_size,
                           void **token);
typedef void (*mm_join_fn)(void *ud, void *token);
/* luaopen_NAME: pushes one value, the module. Called in the VM, under its lock. */
typedef int (*mm_open_fn)(struct lua_State *L);
/* Finds the source of the module `name`, for instance in a game's archive, gives it by
 * mm_source_give and returns true. False: there is none; `require` looks elsewhere. Called in
 * the thread of the VM that requires it, for a PROCESS VM on a thread of the program; several at
 * once. */
typedef bool (*mm_find_fn)(void *ud, const mm_vm *vm, const char *name, mm_source *out);

typedef struct mm_rt_config {
  size_t size;
  mm_alloc_fn alloc; /* for Lua's memory, also LuaJIT's. NULL: realloc and free */
  void *alloc_ud;
  /* NULL: print writes to stdout, and errors that nobody asks about to stderr. Else
   *   MM_LOG_PRINT  the lines that scripts in THREAD and INLINE VMs print
   *   MM_LOG_ERROR  the error of a job that has neither an `out` nor a `done` */
  mm_log_fn log;
  void *log_ud;
  mm_wakeup_fn wakeup; /* NULL: the program watches mm_fd() or calls mm_poll regularly */
  void *wakeup_ud;
  mm_spawn_fn spawn_thread; /* both or neither with join_thread; NULL: pthreads */
  mm_join_fn join_thread;
  void *thread_ud;
  /* The program that runs worker processes. NULL: enough with the shared library. A program linked
   * with the static library gives the path of `manymoons`, or its own if it calls
   * mm_worker_main. */
  const char *worker_exe;
  /* How jobs in THREAD and PROCESS VMs are stopped.
   *   true   by SIGURG, sent to their thread: costs nothing, and wakes C functions that wait. The
   *          program must not use that signal.
   *   false  stoppable VMs check a flag every thousand instructions: loops take twice as long, and
   *          C functions that wait are not woken. */
  bool use_sigurg;
  void *user;
  mm_find_fn find; /* for `require` in all kinds of VMs, before files; NULL: none */
  void *find_ud;
} mm_rt_config;

/* What a PROCESS VM may reach that runs code the program does not trust: the files and folders
 * named here, and nothing else. It starts no program and no thread. The lists end with NULL; NULL:
 * none. Folders stand for all below them; `write` does not grant reading. */
typedef struct mm_sandbox {
  const char *const *read;
  const char *const *write;
  bool network; /* TCP and UDP */
} mm_sandbox;

typedef struct mm_vm_config {
  size_t size;
  mm_where where;
  const char *name; /* for logs, traces, debuggers, ps; at most 15 bytes are used. NULL: "lua" */
  unsigned libs;    /* MM_LIB_*; 0: MM_LIB_SAFE */
  size_t mem_limit; /* bytes of Lua memory; beyond it Lua raises "not enough memory". 0: none. It also
                     * bounds the longest step of an INLINE VM: a copy of its longest string */
  uint32_t call_ms; /* time limit of each job, then MM_ELIMIT_TIME; the VM stays. 0: none */
  /* true: running jobs can be cancelled, and can have time limits of their own even if call_ms is
   * 0. For the cost see use_sigurg. On LuaJIT it turns the compiler off in this VM, because
   * compiled loops do not check for stops. */
  bool stoppable;
  size_t stack_size;  /* of its thread, bytes; 0: 1 MiB */
  int nice;           /* 0 … 19: of its thread or process; see docs/how-to/embed-in-c.md */
  uint32_t queue_max; /* waiting jobs before MM_EAGAIN; 0: 1024 */
  const char *path;   /* package.path and package.cpath; NULL: Lua's own */
  const char *cpath;
  void *user; /* for mm_vm_user */
  /* NULL: none. Copied. MM_EUNSUPPORTED: the VM is not a PROCESS VM, or the kernel has no seccomp,
   * or no Landlock where files are named. MM_EINVAL: a path does not exist. */
  const mm_sandbox *sandbox;
  /* INLINE: each mm_poll runs so many instructions of the VM, whatever its budget of time is, so
   * that the same jobs stop at the same instructions in each run and on each machine. Steps of
   * Lua's library that may be many, as of string.rep, count as instructions. 0: by time.
   * MM_EUNSUPPORTED: the VM is not an INLINE VM. */
  uint32_t poll_instructions;
} mm_vm_config;

/* ---- the library ----------------------------------------------------------------------------- */

MM_API int mm_version(void);             /* [any] MM_VERSION_NUM of the linked library */
MM_API const char *mm_lua_version(void); /* [any] the Lua of its VMs: "Lua 5.4" or "LuaJIT" */
MM_API const char *mm_strerror(int err); /* [any] static text for a mm_err, negated or not */
/* [any] The last call of this thread that failed, in words: the function, the argument or the
 * letter of the format, what was expected: `mm_pack: format "iq", letter 2: one of i n b z s S B Q
 * v { expected`. "" before the first. It is valid until the thread's next failure. Time limits that
 * pass and the failures of jobs (mm_job_error) do not change it.
 *
 *     if (mm_vm_create(rt, &vm, &config)) fprintf(stderr, "%s\n", mm_last_error());
 */
MM_API const char *mm_last_error(void);

/* ---- runtimes -------------------------------------------------------------------------------- */

MM_API void mm_rt_config_init(mm_rt_config *config);
MM_API void mm_vm_config_init(mm_vm_config *config); /* MM_THREAD, MM_LIB_SAFE, stoppable */

/* [any] Creates a runtime. config NULL: the defaults. MM_EUNSUPPORTED: use_sigurg is set, and the
 * program has a handler for SIGURG. */
MM_API int mm_rt_create(mm_rt **out, const mm_rt_config *config);
/* [own] Cancels all jobs without calling `done`, frees all VMs and waits for their end. After
 * `grace_ms` it kills processes. The caller keeps its jobs and values. MM_ETIMEOUT: a THREAD VM is
 * still in a C function, or cannot be stopped; nothing was freed; call again. */
MM_API int mm_rt_free(mm_rt *rt, uint32_t grace_ms);
MM_API void *mm_rt_user(const mm_rt *rt); /* [any] */

/* [any] A descriptor that is readable while mm_poll has something to do: for poll, epoll or an
 * event loop. The runtime owns it; do not read or close it. */
MM_API int mm_fd(mm_rt *rt);
/* [own] Begins a frame: coroutine jobs that wait for it go on (mm_job_opts.coroutine). Then it
 * calls the `done` functions of ended jobs, in the order of their ends, and runs INLINE VMs,
 * until `budget_us` has passed (0: no limit) or there is nothing to do. If there is nothing to
 * do at first, it waits up to `timeout_ms` (0: does not wait, -1: no limit). Returns the number
 * of `done` functions called. MM_EAGAIN: another thread polls, or the caller is a `done`
 * function.
 *
 *     while (game_runs()) {
 *       mm_poll(rt, 1000, 0); // at most a millisecond of scripts
 *       draw_frame();
 *     }
 *
 * Where a script of an INLINE VM waits, for an item of a queue or in mm.sleep, mm_poll returns,
 * and the next one looks again. mm_fd does not become readable for that.
 *
 * A script of an INLINE VM that can be stopped exceeds the budget by these steps alone, all of
 * which `mem_limit` bounds: one step on its longest string, the last collection before "not
 * enough memory", and the encoding of the job's results (80 ms for 30 MB of small tables). A
 * finalizer (`__gc`, from Lua 5.2 on) that loops is no such step: Lua runs no hook in it, and
 * use_sigurg alone ends it. Let strangers' scripts have a VM in a thread or a process, or
 * use_sigurg. */
MM_API int mm_poll(mm_rt *rt, uint32_t budget_us, int timeout_ms);

/* ---- modules for `require` ------------------------------------------------------------------- */

/* [own] Registers a module for `require` in VMs that are created later and have MM_LIB_PACKAGE
 * or MM_LIB_REQUIRE. C modules work in THREAD and INLINE VMs only, because processes do not have
 * the program's code. Each VM compiles the source of mm_register_lua when it is first required.
 * If a C function calls Lua, an INLINE VM may pause in that call: mm_poll returns, and the call
 * goes on in a later one. */
MM_API int mm_register(mm_rt *rt, const char *name, mm_open_fn open);
MM_API int mm_register_lua(mm_rt *rt, const char *name, const char *source, size_t length);
/* In mm_rt_config.find: gives the source of the module, which is copied. chunkname, for error
 * messages; NULL: the name of the module. Bytecode is refused where it is required.
 *
 *     static bool find(void *ud, const mm_vm *vm, const char *name, mm_source *out) {
 *       const struct entry *e = archive_entry(ud, name); // "ai.wolf"
 *       return e && mm_source_give(out, e->path, e->text, e->size) == 0;
 *     }
 */
MM_API int mm_source_give(mm_source *out, const char *chunkname, const char *source, size_t length);

/* ---- VMs ------------------------------------------------------------------------------------- */

/* [any] Creates a VM and returns when it is ready: after 0.2 ms for a thread, 2 ms for a process.
 * config NULL: the defaults. MM_ENOMEM: also if mem_limit is too small for the libraries.
 *
 *     mm_vm_config config;
 *     mm_vm_config_init(&config);
 *     config.where = MM_PROCESS; // its crash is not the program's
 *     config.mem_limit = 16 << 20;
 *     config.call_ms = 100;
 *     if (mm_vm_create(rt, &vm, &config)) fprintf(stderr, "%s\n", mm_last_error());
 */
MM_API int mm_vm_create(mm_rt *rt, mm_vm **out, const mm_vm_config *config);
/* [any] Cancels the jobs of a VM and frees it when its thread or process has ended. Returns at
 * once. mm_rt_free frees the VMs that are left. */
MM_API void mm_vm_free(mm_vm *vm);
/* [vm] The VM of a lua_State; NULL if the VM is not one of the runtime's (a worker of a script's
 * pool). Borrowed. */
MM_API mm_vm *mm_vm_of(struct lua_State *L);
MM_API void *mm_vm_user(const mm_vm *vm); /* [any] mm_vm_config.user */
/* [any] Cancels the running job, if there is one. MM_EUNSUPPORTED: it cannot be stopped. */
MM_API int mm_vm_interrupt(mm_vm *vm);
/* [any] Sends SIGKILL to a PROCESS VM; its running and waiting jobs fail with MM_EDIED.
 * MM_EUNSUPPORTED: another kind of VM. */
MM_API int mm_vm_kill(mm_vm *vm);
/* [any, but not in a VM] Cancels all jobs of the VM and gives it a fresh Lua VM, with the
 * libraries and limits of its configuration: no global of a script is left. Returns when that is
 * ready. It revives a VM whose process has died. An INLINE VM: [own]. MM_EUNSUPPORTED: a job
 * runs that cannot be stopped; nothing was changed. */
MM_API int mm_vm_reset(mm_vm *vm);
/* [any, but not in a VM] Collects garbage for about `budget_us`, in steps of some microseconds. An
 * INLINE VM, [own]: at once, also in the middle of a job, and returns 1 at the end of a cycle, else
 * 0. Other VMs: on their thread before the next job, and returns 0 at once.
 *
 *     mm_vm_collect(vm, time_left_us); // at the end of a frame
 */
MM_API int mm_vm_collect(mm_vm *vm, uint32_t budget_us);

typedef struct mm_vm_stats {
  size_t size;
  mm_where where;
  bool is_alive;        /* false: its process has died */
  uint32_t queued;      /* waiting jobs */
  bool is_running;      /* a job runs */
  uint64_t jobs;        /* ended jobs, with any outcome */
  uint64_t busy_us;     /* total running time of the ended jobs */
  uint64_t running_us;  /* running time of the current job so far */
  uint64_t memory;      /* bytes of Lua memory after the last job */
  uint64_t memory_peak; /* its maximum; 0: unknown (no mem_limit and no alloc) */
  int64_t os_id;        /* id of the thread or process; 0: INLINE */
} mm_vm_stats;
MM_API int mm_vm_get_stats(mm_vm *vm, mm_vm_stats *out); /* [any] set out->size before */

/* [any, but not in a VM] Runs fn(L, ud) in the VM, on its thread, between two jobs and before the
 * waiting ones. Returns fn's result, or MM_ERUN if fn raises an error, whose text is logged. In an
 * INLINE VM: [own], and at once. MM_EUNSUPPORTED: a PROCESS VM. */
MM_API int mm_vm_with_state(mm_vm *vm, int (*fn)(struct lua_State *L, void *ud), void *ud);

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Called in mm_poll when the job has ended. It may call [any] and [own] functions except mm_poll
 * and mm_rt_free. `job` is borrowed. */
typedef void (*mm_done_fn)(void *ud, mm_job *job);
typedef struct mm_job_opts {
  size_t size;
  mm_done_fn done; /* NULL: none */
  void *ud;
  /* Time limit of this job if less than call_ms; 0: call_ms alone. MM_EUNSUPPORTED: the VM is not
   * stoppable. */
  uint32_t timeout_ms;
  int priority; /* larger ones run first; equal ones in the order of submission */
  /* true: the job runs in a coroutine, and may wait for frames. Where it calls mm.frame() in
   * Lua, or yields, the VM runs its other jobs; the job goes on in the next mm_poll, or after
   * it. Time limits hold for each stretch between two frames. mm_job_wait waits for other
   * threads that poll; for a job of an INLINE VM it begins frames itself.
   *
   *     opts.coroutine = true;
   *     mm_eval(vm, NULL, "guard", "while true do patrol() mm.frame() end", MM_ZERO, &opts);
   *
   * In INLINE VMs a job that is no coroutine may call mm.frame(), too: then the whole VM waits. */
  bool coroutine;
} mm_job_opts;
/* An example of a job with options:
 *
 *     mm_job_opts opts;
 *     mm_job_opts_init(&opts);
 *     opts.timeout_ms = 50;
 *     opts.done = on_done; // in mm_poll
 *     mm_val *args = mm_pack(rt, "{x=n y=n}", 1.5, 2.0);
 *     mm_call(vm, NULL, "creature.think", args, &opts);
 *     mm_val_free(args);
 */
MM_API void mm_job_opts_init(mm_job_opts *opts);

/* [any] Submits a job: a chunk of source, or the call of a function with the values of `args`
 * (NULL: none). `function` is a global, a field "a.b.c" below one, or a field below a module, which
 * is then required. The globals of a VM persist from job to job. Neither function waits or runs
 * Lua. `out` NULL: the outcome goes to `done` or to the log alone. `opts` NULL: the defaults.
 * MM_EAGAIN, MM_ECLOSED, MM_EDIED, MM_EUNSUPPORTED, MM_EINVAL, MM_ENOMEM. */
MM_API int mm_eval(mm_vm *vm, mm_job **out, const char *chunkname, const char *source, size_t length,
                   const mm_job_opts *opts);
MM_API int mm_call(mm_vm *vm, mm_job **out, const char *function, const mm_val *args,
                   const mm_job_opts *opts);

/* [any] 0: the job waits or runs; 1: it succeeded; -MM_E…: it failed. 1 and -MM_E… are final. */
MM_API int mm_job_state(const mm_job *job);
/* [any, but not in a VM] Waits up to timeout_ms (-1: no limit) for the end of the job, and returns
 * its final state. MM_ETIMEOUT. A job of an INLINE VM runs in this call, on this thread; MM_EINVAL
 * while a thread polls, so also in a `done` function. */
MM_API int mm_job_wait(mm_job *job, int timeout_ms);
/* [any] Cancels a job: a waiting job never runs, a running one stops at its next instruction. It
 * ends like any other job: with `done`. Returns 0 also if the job has ended. MM_EUNSUPPORTED: it
 * runs and cannot be stopped. */
MM_API int mm_job_cancel(mm_job *job);
/* [any] The results of a job with state 1; else NULL. Borrowed from the job. */
MM_API const mm_val *mm_job_result(const mm_job *job);
/* [any] The error message of a failed job, with the traceback; of a stopped one where it was:
 * "over its time limit: stopped at chunk:12". Else "". Borrowed from the job. */
MM_API const char *mm_job_error(const mm_job *job);
/* [any] Frees the caller's handle on the job; the job itself continues. */
MM_API void mm_job_free(mm_job *job);

/* ---- values ---------------------------------------------------------------------------------- */

typedef enum mm_type {
  MM_NIL,
  MM_BOOL,
  MM_INT, /* in LuaJIT: a number without a fraction */
  MM_NUM,
  MM_STR,
  MM_TABLE,
  MM_BUF,
  MM_OTHER, /* for Lua alone: functions, locks; can be sent only with its whole list */
  MM_QUEUE
} mm_type;

/* [any] Makes a list of values, one for each letter of the format; spaces are ignored.
 *
 *     i    int64_t
 *     n    double
 *     b    int: a boolean
 *     z    no argument: nil
 *     s    const char *: a zero-terminated string
 *     S    const char *, size_t: a string and its number of bytes
 *     B    mm_buf *
 *     Q    mm_queue *
 *     v    const mm_val *: a value from mm_at or mm_get; of a list the first value
 *     {…}  a table: a letter is an element of its array, name=letter a field
 *
 *     mm_pack(rt, "s{ii name=s}", "hi", (int64_t)1, (int64_t)2, "x")
 *
 * NULL: no memory, a malformed format, or a `v` that contains a value of type MM_OTHER. */
MM_API mm_val *mm_pack(mm_rt *rt, const char *format, ...);
/* [any] Reads the values of a list into pointers, one for each letter of the format.
 *
 *     i    int64_t *
 *     n    double *
 *     b    bool *
 *     z    no argument: the value is skipped
 *     s    const char **
 *     S    const char **, size_t *
 *     B    mm_buf **: owned by the caller
 *     Q    mm_queue **: owned by the caller
 *     v    const mm_val **: borrowed; NULL for nil
 *     ?i   ? before any letter: the value may be nil or missing; then nothing is written
 *
 * Values beyond the last letter are ignored. A number without a fraction is accepted as an integer,
 * and an integer as a number. MM_EINVAL: a value has another type, and nothing was written. */
MM_API int mm_unpack(const mm_val *value, const char *format, ...);

MM_API mm_type mm_typeof(const mm_val *value); /* [any] of a list: of its first value; NULL: MM_NIL */
/* [any] The number of values of a list, the length of a table's array, or the number of bytes of a
 * string or buffer. Else 0. */
MM_API size_t mm_len(const mm_val *value);
/* [any] The value at `index`, from 0, of a list or of a table's array. NULL: there is none.
 * Borrowed. */
MM_API const mm_val *mm_at(const mm_val *value, size_t index);
/* [any] The field `key` of a table. NULL: there is none. Borrowed. */
MM_API const mm_val *mm_get(const mm_val *value, const char *key);
/* [any] The pair at `index`, from 0, of a table, in no order; the array's elements are not counted.
 * False: there are no more. Borrowed. */
MM_API bool mm_pair(const mm_val *value, size_t index, const mm_val **key, const mm_val **item);
MM_API bool mm_bool(const mm_val *value);   /* [any] as in Lua: false for nil and false */
MM_API int64_t mm_int(const mm_val *value); /* [any] 0: not a number, or out of range */
MM_API double mm_num(const mm_val *value);  /* [any] 0: not a number */
/* [any] A string, zero-terminated; "" with length 0 if it is not a string. length may be NULL.
 * Borrowed. */
MM_API const char *mm_str(const mm_val *value, size_t *length);
/* [any] Adds an owner, who calls mm_val_free, too. A value in a list keeps the whole list alive. */
MM_API mm_val *mm_val_keep(const mm_val *value);
MM_API void mm_val_free(mm_val *value); /* [any] */

/* [vm] Pushes the values of a list, or one value, and returns their number. NULL: pushes nil.
 * Raises if memory runs out. */
MM_API int mm_push(struct lua_State *L, const mm_val *value);
/* [vm] Makes a list of the `count` values from `index` on. NULL: they cannot be sent, and the
 * reason was pushed. */
MM_API mm_val *mm_take(struct lua_State *L, int index, int count);

/* ---- queues ---------------------------------------------------------------------------------- */

/* [any] Makes a queue between the program and its scripts, both ways. It travels as the letter Q of
 * mm_pack, and in values of scripts; in Lua it is a Queue of manymoons: q:put(v), q:get(),
 * q:get(timeout), for v in q:iter() do …, also without MM_LIB_PACKAGE. A queue that a script has
 * made comes back as Q. max_messages 0: bounded by memory alone.
 *
 *     mm_queue *orders;
 *     mm_queue_create(rt, &orders, 0);
 *     mm_val *args = mm_pack(rt, "Q", orders);
 *     mm_call(vm, NULL, "serve", args, NULL); // function serve(q) for order in q:iter() do … end end
 *     mm_val *order = mm_pack(rt, "{unit=i to=s}", (int64_t)7, "castle");
 *     mm_queue_put(orders, order, 0);
 */
MM_API int mm_queue_create(mm_rt *rt, mm_queue **out, size_t max_messages);
/* [any, but not in a VM] Puts a list of values, usually of one; get gives all of them. Waits for
 * room up to timeout_ms (0: does not wait, -1: no limit). MM_ETIMEOUT: it is full. MM_ECLOSED. */
MM_API int mm_queue_put(mm_queue *queue, const mm_val *values, int timeout_ms);
/* [any, but not in a VM] Takes the next list of values, which the caller owns. MM_ETIMEOUT: none
 * came. MM_ECLOSED: it is closed, and nothing is left. */
MM_API int mm_queue_get(mm_queue *queue, mm_val **out, int timeout_ms);
MM_API size_t mm_queue_size(mm_queue *queue); /* [any] the number of puts that were not taken */
/* [any] A descriptor that is readable while mm_queue_get would not wait, for poll, epoll or an
 * event loop. The handle owns it; do not read or close it. It follows the gets of this handle;
 * after those of others it may be readable although the queue is empty: get with timeout_ms 0.
 * Of the handles of one queue, in all processes, the one that asked last has it. */
MM_API int mm_queue_fd(mm_queue *queue);
/* [any] From now on puts fail, and gets take what is left. */
MM_API void mm_queue_close(mm_queue *queue);
/* [any] Frees the caller's handle; the queue stays for VMs that have it. */
MM_API void mm_queue_free(mm_queue *queue);

/* ---- shared arrays of numbers ---------------------------------------------------------------- */

/* [any] Makes an array of `count` elements, all 0, count > 0. `type`: "i8" "u8" "i16" "u16" "i32"
 * "u32" "i64" "u64" "f32" "f64". In Lua it is an Array of manymoons: a[i], #a, a:slice(), a:add(),
 * … (docs/how-to/share-an-array.md), also without MM_LIB_PACKAGE. Concurrent writes of an element
 * never tear.
 *
 *     mm_buf *world;
 *     mm_buf_create(rt, &world, "f64", 6000);
 *     double *x = mm_buf_data(world, NULL); // the same bytes as world[1] … world[6000] in Lua
 */
MM_API int mm_buf_create(mm_rt *rt, mm_buf **out, const char *type, size_t count);
/* [any] The elements. Valid until the caller's mm_buf_free, whatever other owners do. */
MM_API void *mm_buf_data(mm_buf *buf, size_t *bytes);
MM_API const char *mm_buf_type(const mm_buf *buf); /* [any] its type, such as "f64" */
MM_API void mm_buf_free(mm_buf *buf);

/* ---- traces ---------------------------------------------------------------------------------- */

/* [any] Records when all VMs run, wait and send, until mm_trace_stop writes the file in Chrome's
 * JSON format, for example for ui.perfetto.dev. MM_EAGAIN: the program records already. MM_ESYS:
 * the file cannot be written.
 *
 *     mm_trace_start(rt, "frames.json");
 *     play_for_a_minute();
 *     mm_trace_stop(rt);
 */
MM_API int mm_trace_start(mm_rt *rt, const char *path);
MM_API int mm_trace_stop(mm_rt *rt);

/* ---- worker processes of a program that is linked with the static library -------------------- */

/* The first call in main. Does not return if this process is a worker that worker_exe started; else
 * does nothing.
 *
 *     int main(int argc, char **argv) {
 *       mm_worker_main(argc, argv);
 *       config.worker_exe = path_of_this_program;
 */
MM_API void mm_worker_main(int argc, char **argv);

/* require "manymoons" for a lua_State that the program made itself. [-0, +1, raises] */
MM_API int luaopen_manymoons(struct lua_State *L);

#ifdef __cplusplus
}
#endif
#endif
