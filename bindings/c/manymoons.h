/* SPDX-License-Identifier: MIT */
/* manymoons: many Lua VMs in one C or C++ program, each with its lock, in threads or processes.
 *
 *     mm_rt *rt;                                    // a runtime: owns the VMs
 *     mm_vm *vm;                                    // a Lua VM, here with a thread of its own
 *     mm_job *job;                                  // a call that runs there, beside this thread
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
 * A game asks once a frame instead of waiting: mm_poll(rt, 500, 0) runs the `done` functions of
 * jobs that have ended, and VMs that live in its own thread, for at most half a millisecond.
 *
 * RULES that hold for everything here
 *  - Each function names its callers. [any]: any thread, at any time. [own]: one thread at a time,
 *    usually the one that made the runtime. [vm]: only C functions that a VM of ours called, with
 *    the lua_State they were given.
 *  - Success is 0 or more, failure is -MM_Esomething; mm_strerror has a text. A failed call
 *    changes nothing and writes no results. Nothing here aborts, exits, longjmps (but for Lua's
 *    errors in [vm]) or prints.
 *  - `create` and functions that return `T *` give you an object that you free; `const T *` is
 *    borrowed. Freeing NULL is allowed. Strings and configurations that you pass are copied.
 *  - Nothing of the program is touched: no signal handler (unless mm_rt_config.use_sigurg), no
 *    atexit, no locale; descriptors are close-on-exec; threads have all signals blocked.
 *  - A structure begins with its size: initialise it with its _init function, and a later library
 *    will understand it.
 *  - Two runtimes in a program do not know of each other, except that queues of `require
 *    "manymoons"` may be sent from a VM of one to a VM of the other.
 *
 * Link with `pkg-config --libs manymoons` (VMs of Lua 5.4) or manymoons-luajit. C99 and C++11.
 */
#ifndef MANYMOONS_H
#define MANYMOONS_H

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
#define MM_ZERO        ((size_t)-1) /* as a length: the text ends with a zero */

typedef struct mm_rt mm_rt;   /* a runtime: owns VMs and their threads and processes */
typedef struct mm_vm mm_vm;   /* a Lua VM, in a thread of its own, in a process, or in yours */
typedef struct mm_job mm_job; /* a call that was handed to a VM */
typedef struct mm_val mm_val; /* a list of values that cross between VMs and C; never changes */
typedef struct mm_buf mm_buf; /* an array of numbers that you and all VMs share, in processes too */
struct lua_State;

/* What can go wrong; functions return it negated. */
typedef enum mm_err {
  MM_OK = 0,
  MM_ENOMEM,       /* no memory, here or in the system */
  MM_EINVAL,       /* an argument is wrong; the contract of the function says what is right */
  MM_ESYNTAX,      /* the source does not compile */
  MM_ERUN,         /* the code raised an error */
  MM_ELIMIT_MEM,   /* it wanted more memory than mm_vm_config.mem_limit */
  MM_ELIMIT_TIME,  /* it ran longer than it may, and was stopped */
  MM_ECANCELED,    /* cancelled before it ended, or before it began */
  MM_EDIED,        /* the process of the VM is gone */
  MM_ETIMEOUT,     /* not yet; ask again */
  MM_EAGAIN,       /* mm_vm_config.queue_max jobs are waiting already */
  MM_ECLOSED,      /* the VM was freed */
  MM_EUNSUPPORTED, /* not with this kind of VM, or not with this configuration */
  MM_ESYS,         /* the system refused: no threads, processes, descriptors */
  MM_EUNSENDABLE   /* a result that cannot leave its VM: a coroutine, a foreign userdata */
} mm_err;

typedef enum mm_where {
  MM_THREAD = 1, /* a thread of its own: the default. Fastest; a crash in a C module is yours */
  MM_PROCESS,    /* a process of its own: 2 ms to make; may crash, be killed, or leak safely */
  MM_INLINE      /* none: it runs in mm_poll, on your thread, in slices of your time budget */
} mm_where;

/* Which libraries a VM has. */
enum {
  /* base without dofile and loadfile, string, table, math, utf8 (LuaJIT: bit), coroutine;
   * load takes text alone */
  MM_LIB_SAFE = 1,
  MM_LIB_IO = 2, /* io, dofile, loadfile */
  MM_LIB_OS = 4, /* os; os.exit ends the job with an error, and nothing else */
  /* require, C modules, and `require "manymoons"`: pools, queues and locks of the VM's own */
  MM_LIB_PACKAGE = 8,
  MM_LIB_DEBUG = 16,
  MM_LIB_FFI = 32, /* LuaJIT: ffi, jit */
  MM_LIB_ALL = 63  /* also load of bytecode, can crash the program: not for untrusted scripts */
};

typedef enum mm_log_level { MM_LOG_PRINT, MM_LOG_WARN, MM_LOG_ERROR } mm_log_level;

/* lua_Alloc. Called by several threads at once. */
typedef void *(*mm_alloc_fn)(void *ud, void *block, size_t old_size, size_t new_size);
/* `text` without a newline, and `vm` that it comes from (or NULL), are borrowed for the call. On
 * any thread; must not call mm_*. */
typedef void (*mm_log_fn)(void *ud, mm_log_level level, const mm_vm *vm, const char *text);
/* "Call mm_poll soon." On any thread; must not block, and must not call mm_*. */
typedef void (*mm_wakeup_fn)(void *ud);
/* Runs run(arg) on a new thread that takes no signals of yours; *token is for the join. Returns 0;
 * anything else: refused. */
typedef int (*mm_spawn_fn)(void *ud, void (*run)(void *), void *arg, const char *name, size_t stack_size,
                           void **token);
typedef void (*mm_join_fn)(void *ud, void *token);
/* luaopen_NAME: pushes one value, the module. In the VM, under its lock. */
typedef int (*mm_open_fn)(struct lua_State *L);

typedef struct mm_rt_config {
  size_t size;
  mm_alloc_fn alloc; /* NULL: realloc and free. For the memory of Lua; of LuaJIT too */
  void *alloc_ud;
  /* NULL: print of a script goes to stdout, the rest is dropped. Else
   *   MM_LOG_PRINT  what scripts in THREAD and INLINE VMs print
   *   MM_LOG_ERROR  how a job failed that nothing waits for: freed, and without `done` */
  mm_log_fn log;
  void *log_ud;
  mm_wakeup_fn wakeup; /* NULL: watch mm_fd() instead, or call mm_poll regularly */
  void *wakeup_ud;
  mm_spawn_fn spawn_thread; /* NULL, and then join_thread too: pthreads */
  mm_join_fn join_thread;
  void *thread_ud;
  /* NULL: found by itself if the library is a shared one. In a program that was linked with the
   * static library: the path of `manymoons`, or of itself if it calls mm_worker_main. */
  const char *worker_exe;
  /* How jobs in THREAD and PROCESS VMs are stopped.
   *   true   by SIGURG, sent to their thread: costs nothing, and wakes C functions that wait. The
   *          program must not use that signal.
   *   false  stoppable VMs look at a flag every thousand instructions: loops take twice as long,
   *          and C functions that wait are not woken. */
  bool use_sigurg;
  void *user;
} mm_rt_config;

typedef struct mm_vm_config {
  size_t size;
  mm_where where;
  const char *name; /* at most 15 bytes are shown: in logs, traces, debuggers, ps. NULL: "lua" */
  unsigned libs;    /* MM_LIB_*; 0: MM_LIB_SAFE */
  size_t mem_limit; /* bytes of Lua memory; beyond it, Lua's "not enough memory". 0: none */
  uint32_t call_ms; /* how long each job may run, else MM_ELIMIT_TIME; the VM stays. 0: no limit */
  /* true: jobs may be cancelled while they run, and have limits of their own, also where call_ms is
   * 0. Its cost: see use_sigurg. With LuaJIT it turns the compiler off in this VM, because compiled
   * loops do not look at the flag. */
  bool stoppable;
  size_t stack_size;  /* of its thread, bytes; 0: 1 MiB */
  int nice;           /* 0 … 19: of its thread or process; see docs/how-to/embed-in-c.md */
  uint32_t queue_max; /* so many jobs may wait, then MM_EAGAIN; 0: 1024 */
  const char *path;   /* package.path and package.cpath; NULL: Lua's own */
  const char *cpath;
  void *user; /* for mm_vm_user */
} mm_vm_config;

/* ---- the library ----------------------------------------------------------------------------- */

MM_API int mm_version(void);             /* [any] MM_VERSION_NUM of the library that was linked */
MM_API const char *mm_lua_version(void); /* [any] its VMs: "Lua 5.4" or "LuaJIT 2.1.0-beta3" */
MM_API const char *mm_strerror(int err); /* [any] static text for a mm_err, negated or not */

/* ---- runtimes -------------------------------------------------------------------------------- */

MM_API void mm_rt_config_init(mm_rt_config *config);
MM_API void mm_vm_config_init(mm_vm_config *config); /* MM_THREAD, MM_LIB_SAFE, stoppable */

/* [any] config NULL: the defaults. MM_EUNSUPPORTED: use_sigurg, and the program has a handler for
 * SIGURG. */
MM_API int mm_rt_create(mm_rt **out, const mm_rt_config *config);
/* [own] Cancels all jobs, without calling `done`, frees all VMs, and waits for them: after
 * `grace_ms` processes are killed. Jobs and values that you hold stay yours. MM_ETIMEOUT: a THREAD
 * VM is still in a C function, or cannot be stopped; nothing was freed, call again. */
MM_API int mm_rt_free(mm_rt *rt, uint32_t grace_ms);
MM_API void *mm_rt_user(const mm_rt *rt); /* [any] */

/* [any] A descriptor that is readable while mm_poll has something to do: for poll, epoll or an
 * event loop. Not yours to read or close. */
MM_API int mm_fd(mm_rt *rt);
/* [own] Runs `done` functions of jobs that ended, in the order of their ends, then INLINE VMs,
 * until `budget_us` is over (0: until nothing is left) or nothing is to do. With nothing to do it
 * waits up to `timeout_ms` (0: not, -1: for ever) for something. Returns the number of jobs that it
 * reported as ended. MM_EAGAIN: another thread is in it, or the caller is a `done` function. */
MM_API int mm_poll(mm_rt *rt, uint32_t budget_us, int timeout_ms);

/* [own] VMs that are made from now on, and have MM_LIB_PACKAGE, find a module of that name with
 * `require`; one in C only in THREAD and INLINE VMs, because processes do not have your code.
 * mm_register_lua compiles the source once in each VM, when it is required. */
MM_API int mm_register(mm_rt *rt, const char *name, mm_open_fn open);
MM_API int mm_register_lua(mm_rt *rt, const char *name, const char *source, size_t length);

/* ---- VMs ------------------------------------------------------------------------------------- */

/* [any] Returns when the VM is ready: 0.2 ms for a thread, 2 for a process. config NULL: the
 * defaults. MM_ENOMEM: also when mem_limit is too small for the libraries. */
MM_API int mm_vm_create(mm_rt *rt, mm_vm **out, const mm_vm_config *config);
/* [any] Cancels its jobs; the VM ends by itself. Returns at once. The runtime frees VMs
 * that you did not. */
MM_API void mm_vm_free(mm_vm *vm);
/* [vm] The VM that runs; NULL in a VM that is none of ours (a worker of a pool in a
 * script). Borrowed. */
MM_API mm_vm *mm_vm_of(struct lua_State *L);
MM_API void *mm_vm_user(const mm_vm *vm); /* [any] not in a process */
/* [any] Cancels the job that runs, if one does. MM_EUNSUPPORTED: it cannot be stopped. */
MM_API int mm_vm_interrupt(mm_vm *vm);
/* [any] Sends SIGKILL to a PROCESS VM: the job that runs and those that wait fail with MM_EDIED.
 * MM_EUNSUPPORTED: another kind of VM. */
MM_API int mm_vm_kill(mm_vm *vm);

typedef struct mm_vm_stats {
  size_t size;
  mm_where where;
  bool is_alive;        /* a process may have died */
  uint32_t queued;      /* jobs that wait */
  bool is_running;      /* a job runs */
  uint64_t jobs;        /* that ended, however */
  uint64_t busy_us;     /* how long they ran, in all */
  uint64_t running_us;  /* for how long the one that runs has */
  uint64_t memory;      /* of Lua, bytes, after the last job */
  uint64_t memory_peak; /* the most it had; 0: not known (no mem_limit, no alloc) */
  int64_t os_id;        /* of the thread or process; 0: INLINE */
} mm_vm_stats;
MM_API int mm_vm_get_stats(mm_vm *vm, mm_vm_stats *out); /* [any] out->size as you set it */

/* [any, but not in a VM] Runs fn(L, ud) in the VM, on its thread, between two jobs and before those
 * that wait, and returns fn's result. An error that fn raises is MM_ERUN, and its text is logged.
 * INLINE: [own], at once. MM_EUNSUPPORTED: a process. */
MM_API int mm_vm_with_state(mm_vm *vm, int (*fn)(struct lua_State *L, void *ud), void *ud);

/* ---- jobs ------------------------------------------------------------------------------------ */

/* Runs in mm_poll. It may call [any] and [own] functions, but not mm_poll or mm_rt_free;
 * `job` is borrowed. */
typedef void (*mm_done_fn)(void *ud, mm_job *job);
typedef struct mm_job_opts {
  size_t size;
  mm_done_fn done; /* called in mm_poll when the job has ended; NULL: none */
  void *ud;
  /* How long it may run, if that is less than call_ms; 0: call_ms alone. MM_EUNSUPPORTED: the VM
   * is not stoppable. */
  uint32_t timeout_ms;
  int priority; /* larger ones first; among equals first come, first served */
} mm_job_opts;
MM_API void mm_job_opts_init(mm_job_opts *opts);

/* [any] Hands a chunk of source to the VM, or the call of a function with the values of `args`
 * (NULL: none). `function` is a global, or "a.b.c" below one, or below a module: then the module is
 * required. The globals of a VM stay from job to job. Never waits, never runs Lua. `out` NULL: the
 * outcome goes to `done` or to the log alone. `opts` NULL: the defaults. MM_EAGAIN, MM_ECLOSED,
 * MM_EDIED, MM_EUNSUPPORTED, MM_EINVAL. */
MM_API int mm_eval(mm_vm *vm, mm_job **out, const char *chunkname, const char *source, size_t length,
                   const mm_job_opts *opts);
MM_API int mm_call(mm_vm *vm, mm_job **out, const char *function, const mm_val *args,
                   const mm_job_opts *opts);

/* [any] 0: it waits or runs; 1: it returned; else -MM_E…: how it failed. That is final. */
MM_API int mm_job_state(const mm_job *job);
/* [any, but not in a VM] The same after up to timeout_ms (-1: for ever). -MM_ETIMEOUT: not yet. A
 * job of an INLINE VM runs in this call, on this thread; MM_EINVAL while a thread polls, so also in
 * a `done` function. */
MM_API int mm_job_wait(mm_job *job, int timeout_ms);
/* [any] A job that waits never runs; one that runs is stopped at its next instruction. It still
 * ends as any other does: with `done`. 0 also when it has ended. MM_EUNSUPPORTED: it runs, and
 * cannot be stopped. */
MM_API int mm_job_cancel(mm_job *job);
/* [any] Its results, once its state is 1; else NULL. Borrowed from the job. */
MM_API const mm_val *mm_job_result(const mm_job *job);
/* [any] Its error message, with the traceback; "" if it did not fail. Borrowed from the job. */
MM_API const char *mm_job_error(const mm_job *job);
/* [any] You are no longer interested; it runs on. */
MM_API void mm_job_free(mm_job *job);

/* ---- values ---------------------------------------------------------------------------------- */

typedef enum mm_type {
  MM_NIL,
  MM_BOOL,
  MM_INT, /* of LuaJIT: a number without a fraction */
  MM_NUM,
  MM_STR,
  MM_TABLE,
  MM_BUF,
  MM_OTHER /* for Lua alone: functions, queues, locks; goes to another VM with its whole list */
} mm_type;

/* [any] A list of values, one for each letter of the format; spaces mean nothing.
 *
 *     i    int64_t
 *     n    double
 *     b    int: a boolean
 *     z    no argument: nil
 *     s    const char *: a string that ends with a zero
 *     S    const char *, size_t: a string of so many bytes
 *     B    mm_buf *
 *     v    const mm_val *: a value from mm_at or mm_get; of a list its first
 *     {…}  a table: letters are its array, name=letter its fields
 *
 *     mm_pack(rt, "s{ii name=s}", "hi", (int64_t)1, (int64_t)2, "x")
 *
 * NULL: no memory, a wrong format, or a `v` with something of type MM_OTHER in it. */
MM_API mm_val *mm_pack(mm_rt *rt, const char *format, ...);
/* [any] The other way, into pointers, one for each letter of the format.
 *
 *     i    int64_t *
 *     n    double *
 *     b    bool *
 *     z    no argument: the value is skipped
 *     s    const char **
 *     S    const char **, size_t *
 *     B    mm_buf **: yours, to be freed
 *     v    const mm_val **: borrowed; NULL for nil
 *     ?i   ? before any letter: its value may be nil or missing; its pointer is then left alone
 *
 * More values than letters are no mistake. Numbers without a fraction are as good as integers, and
 * integers as good as numbers. MM_EINVAL: a value has another type, and nothing was written. */
MM_API int mm_unpack(const mm_val *value, const char *format, ...);

MM_API mm_type mm_typeof(const mm_val *value); /* [any] of a list: its first value; NULL: MM_NIL */
/* [any] Of a list the number of values, of a table the length of its array, of a string or buffer
 * the number of bytes. Else 0. */
MM_API size_t mm_len(const mm_val *value);
/* [any] Borrowed: the value at `index`, from 0, of a list or of a table's array.
 * NULL: there is none. */
MM_API const mm_val *mm_at(const mm_val *value, size_t index);
/* [any] Borrowed: a table's field with that name. NULL: there is none. */
MM_API const mm_val *mm_get(const mm_val *value, const char *key);
/* [any] The table's pair at `index`, from 0, without those of the array, in no order. False:
 * there are no more. */
MM_API bool mm_pair(const mm_val *value, size_t index, const mm_val **key, const mm_val **item);
MM_API bool mm_bool(const mm_val *value);   /* [any] as Lua would: all but nil and false are true */
MM_API int64_t mm_int(const mm_val *value); /* [any] 0: no number, or none that fits */
MM_API double mm_num(const mm_val *value);  /* [any] 0: no number */
/* [any] Borrowed; a zero stands behind it. "" and 0: no string. length may be NULL. */
MM_API const char *mm_str(const mm_val *value, size_t *length);
/* [any] One more owner, with an mm_val_free of its own. A value in a list keeps its whole list. */
MM_API mm_val *mm_val_keep(const mm_val *value);
MM_API void mm_val_free(mm_val *value); /* [any] */

/* [vm] Pushes the values of a list, or one value; returns how many. Raises when Lua has no
 * memory. */
MM_API int mm_push(struct lua_State *L, const mm_val *value);
/* [vm] A list of the `count` values from `index` on. NULL: they cannot be sent; the
 * reason is pushed. */
MM_API mm_val *mm_take(struct lua_State *L, int index, int count);

/* ---- shared arrays of numbers ---------------------------------------------------------------- */

/* [any] `type`: "i8" "u8" "i16" "u16" "i32" "u32" "i64" "u64" "f32" "f64". `count` elements, all 0.
 * In Lua it is an Array of manymoons: a[i], #a, a:slice(), a:add(), …
 * (docs/how-to/share-an-array.md), with or without MM_LIB_PACKAGE. Elements that two threads write
 * at once never tear. */
MM_API int mm_buf_create(mm_rt *rt, mm_buf **out, const char *type, size_t count);
/* [any] Its elements; valid until your mm_buf_free, whether or not others have it. */
MM_API void *mm_buf_data(mm_buf *buf, size_t *bytes);
MM_API const char *mm_buf_type(const mm_buf *buf); /* [any] "f64" */
MM_API void mm_buf_free(mm_buf *buf);

/* ---- what happened when ---------------------------------------------------------------------- */

/* [any] From now on all VMs record when they run, wait and send, until mm_trace_stop writes the
 * file, for ui.perfetto.dev and the like (Chrome's JSON). MM_EAGAIN: the program records already.
 * MM_ESYS: the file cannot be written. */
MM_API int mm_trace_start(mm_rt *rt, const char *path);
MM_API int mm_trace_stop(mm_rt *rt);

/* ---- processes of a program that was linked with the static library -------------------------- */

/* First in main: does not return if this process is a worker that worker_exe started;
 * else does nothing. */
MM_API void mm_worker_main(int argc, char **argv);

/* require "manymoons", for a VM that is none of ours. [-0, +1, raises] */
MM_API int luaopen_manymoons(struct lua_State *L);

#ifdef __cplusplus
}
#endif
#endif
