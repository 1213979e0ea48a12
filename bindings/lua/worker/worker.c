/* SPDX-License-Identifier: MIT */
/* Watching and stopping workers of all three kinds. worker_start.c starts them. */
#include "worker/worker.h"

#include <errno.h>

#include "base/memory.h"
#include "core/system.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/signals.h"
#include "state/vm_interrupt.h"
#include "trace/recorder.h"
#include "worker/start_info.h"
#include "worker/thread.h"
#include "worker/worker_run.h"

static const struct handle_class class; /* defined below its methods */

/* False: it is a copy in a forked child. */
static bool is_ours(const struct worker *w) { return w->owner == process_pid(); }

static struct worker *check_worker(lua_State *L, int index) {
  struct worker *w = class_check(L, index, &class);
  if (!w->is_open) luaL_error(L, "Worker: used after close");
  if (!is_ours(w)) luaL_error(L, "Process: it belongs to the process that forked this one");
  return w;
}

struct worker *worker_push(lua_State *L, enum worker_kind kind) {
  after_fork_settle(L);
  worker_release_leaving(L);
  struct worker *w = lua_newuserdata(L, sizeof *w);
  *w = (struct worker){.kind = kind, .owner = process_pid()};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  return w;
}

/* ---- interpreters ---------------------------------------------------------------------------- */

static void interpreter_interrupt(struct interpreter *t, int stop, int exit_code) {
  mutex_lock(&t->lock);
  t->stop = stop;
  t->exit_code = exit_code;
  if (t->vm) {
    atomic_store(&t->vm->main.exit_code, exit_code);
    vm_interrupt(t->vm, (enum vm_stop)stop);
  }
  mutex_unlock(&t->lock);
}

/* ---- all kinds ------------------------------------------------------------------------------- */

struct worker_status *worker_status_at(lua_State *L, int index) {
  return check_worker(L, index)->worker_status;
}

static bool is_process(const struct worker *w) { return w->kind == WORKER_PROCESS; }

/* Closes the descriptor of an ended process; joins an ended thread. The thread has published its
 * exit code already, so the join is short enough for the VM lock. */
static void tidy_up(struct worker *w) {
  if (is_process(w)) {
    if (!w->has_sentinel) child_unwatch(&w->child);
    return;
  }
  if (w->is_joined) return;
  if (w->kind == WORKER_THREAD)
    thread_worker_join(w->thread);
  else
    thread_join(&w->interpreter->thread);
  w->is_joined = true;
}

/* STATUS_OK: the worker has ended and has an exit code. Keeps what waiting threads sleep on
 * (I3). */
static status check_end(struct worker *w) {
  const bool is_news = is_process(w) && !w->child.has_ended;
  const status st = is_process(w) ? child_wait(&w->child, deadline_now())
                                  : worker_status_wait_end(w->worker_status, deadline_now());
  if (st == STATUS_OK && is_news) recorder_note_death(w->child.pid);
  if (st == STATUS_OK && w->waiters == 0) tidy_up(w);
  return st;
}

/* Of a process that does not run yet only the kernel knows whether it was killed. */
static bool watch_start(struct worker *w, struct futex_watch *watch) {
  *watch = (struct futex_watch){&w->worker_status->phase, WORKER_STATUS_STARTING};
  return !is_process(w) || check_end(w) != STATUS_OK;
}

enum worker_watched worker_watch(lua_State *L, int index, struct futex_watch *watch) {
  struct worker *w = check_worker(L, index);
  const uint32_t phase = atomic_load(&w->worker_status->phase);
  if (phase == WORKER_STATUS_ENDED) return WORKER_HAS_DIED;
  if (phase == WORKER_STATUS_STARTING) {
    if (!watch_start(w, watch)) return WORKER_HAS_DIED;
    return is_process(w) ? WORKER_IS_WATCHED_AT_TIMES : WORKER_IS_WATCHED;
  }
  *watch = (struct futex_watch){&w->worker_status->phase, phase};
  if (is_process(w) && !segment_watch_life(w->child.place.slot, watch)) return WORKER_HAS_DIED;
  return WORKER_IS_WATCHED;
}

/* Called without the VM lock, so it changes nothing. */
static status sleep_once(const struct worker *w, deadline until) {
  return is_process(w) ? child_await(&w->child, until) : worker_status_wait_end(w->worker_status, until);
}

/* A command of a thread that is to stop ends first: the thread cannot stop while it waits for it. */
static void ask_again(struct worker *w) {
  const int stop = atomic_load(&w->wanted_stop);
  if (is_process(w) || !stop || w->is_joined) return;
  if (w->kind == WORKER_THREAD)
    thread_worker_interrupt(w->thread, (enum vm_stop)stop, w->wanted_exit_code);
  else
    interpreter_interrupt(w->interpreter, stop, w->wanted_exit_code);
  const int32_t thread = atomic_load(&w->worker_status->tid);
  if (thread && !worker_status_has_ended(w->worker_status)) worker_end_commands(thread);
}

/* Waits for the end. Repeats a requested stop with growing pauses (state/vm_interrupt.h: why). */
static status wait_until(struct worker *w, deadline until) {
  double pause = 0.001;
  for (;;) {
    const bool repeats = !is_process(w) && atomic_load(&w->wanted_stop);
    const deadline slice = repeats ? deadline_earlier(until, deadline_after(pause)) : until;
    const status st = sleep_once(w, slice);
    if (st != STATUS_TIMEOUT || deadline_passed(until)) return st;
    ask_again(w);
    if (pause < 0.1) pause *= 2;
  }
}

static int exit_code_of(const struct worker *w) {
  return w->kind == WORKER_PROCESS ? w->child.exit_code : atomic_load(&w->worker_status->exit_code);
}

static bool has_ended(struct worker *w) {
  return w->kind == WORKER_PROCESS ? w->child.has_ended : worker_status_has_ended(w->worker_status);
}

/* ---- methods --------------------------------------------------------------------------------- */

static status attempt_join(void *context, deadline until) { return wait_until(context, until); }

/* The second argument of wait: the program of the waiter ends. */
enum { IS_LAST = 3 };

/* STATUS_OK: the worker seems to have ended; the caller has to check. */
static status sleep_until_end(lua_State *L, struct worker *w, deadline until) REQUIRES(rank_vm) {
  struct endless_wait e;
  endless_wait_init(&e, WAIT_FOR_END);
  e.worker = w->worker_status;
  e.is_last = lua_toboolean(L, IS_LAST);
  w->waiters++;
  const status st = wait_for_end(L, &e, TRACE_CALL_JOIN, attempt_join, w, until);
  w->waiters--;
  if (st == STATUS_DEADLOCK) endless_wait_refuse(L, &e, "Process:join");
  return st;
}

/* The handle may be closed meanwhile: then the worker has ended. */
static int wait_until_ended(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct worker *w = class_check(L, 1, &class);
  if (!w->is_open && waiting_has_waited(L)) return return_status(L, STATUS_OK);
  status st = check_end(check_worker(L, 1));
  if (st && deadline_is_now(until)) {
    waiting_give_turn(L);
    st = check_end(check_worker(L, 1));
  }
  if (st && !deadline_is_now(until) && waiting_as_task(L, until)) return waiting_again(L, WAIT_WORKER);
  while (st && !deadline_is_now(until)) {
    st = sleep_until_end(L, w, until);
    raise_if_stopped(L, st);
    if (!w->is_open) return return_status(L, STATUS_OK);
    if (st == STATUS_TIMEOUT) break;
    st = check_end(w);
  }
  return return_status(L, st);
}

/* worker:wait(timeout, is_last) → true; or nil and why. is_last: the waiter's program ends, and is not refused. [-0, +1 or 2, raises] */
static int worker_wait(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  return waiting_run(L, wait_until_ended, argument_timeout(L, 2));
}

static int worker_is_alive(lua_State *L) {
  lua_pushboolean(L, check_end(check_worker(L, 1)) != STATUS_OK);
  return 1;
}

static int worker_exitcode(lua_State *L) {
  struct worker *w = class_check(L, 1, &class);
  if (is_ours(w)) check_worker(L, 1);
  if (!is_ours(w) || check_end(w))
    lua_pushnil(L);
  else
    lua_pushinteger(L, exit_code_of(w));
  return 1;
}

/* has_begun() → whether the worker has shown a sign of life. [-0, +1, raises] */
static int worker_has_begun(lua_State *L) {
  const struct worker *w = check_worker(L, 1);
  lua_pushboolean(L, atomic_load(&w->worker_status->phase) != WORKER_STATUS_STARTING);
  return 1;
}

static int worker_pid(lua_State *L) {
  const struct worker *w = check_worker(L, 1);
  lua_pushinteger(L, w->kind == WORKER_PROCESS ? w->child.pid : w->owner);
  return 1;
}

/* refusal() → the name of the system call by which a sandbox ended the worker; nil: none did.
 * [-0, +1, raises] */
static int worker_refusal(lua_State *L) {
  const struct worker *w = check_worker(L, 1);
  const uint32_t refused = w->worker_status ? atomic_load(&w->worker_status->refused) : 0;
  const char *name = refused ? sandbox_call_name(refused - 1) : NULL;
  if (refused && !name)
    lua_pushfstring(L, "%d", (int)refused - 1);
  else
    lua_pushstring(L, name);
  return 1;
}

/* sentinel() → a descriptor that is readable once the process has ended, and stays open until the handle is closed;
 * nil for other workers, and for a process whose end was seen before anybody asked. [-0, +1, raises] */
static int worker_sentinel(lua_State *L) {
  struct worker *w = check_worker(L, 1);
  w->has_sentinel = is_process(w) && w->child.pidfd >= 0;
  if (w->has_sentinel)
    lua_pushinteger(L, w->child.pidfd);
  else
    lua_pushnil(L);
  return 1;
}

static void stop_with_signal(struct worker *w, int signal_number) {
  if (!w->is_open || !is_ours(w) || has_ended(w)) return;
  if (w->kind == WORKER_PROCESS) {
    child_signal(&w->child, signal_number);
    return;
  }
  if (!atomic_load(&w->wanted_stop)) w->wanted_exit_code = -signal_number;
  if (signal_number == SIGKILL || !atomic_load(&w->wanted_stop))
    atomic_store(&w->wanted_stop, signal_number == SIGKILL ? VM_STOP_KILL : VM_STOP_TERMINATE);
  ask_again(w);
}

/* For a worker that cleans up (state/vm_interrupt.h): the two graces, and what it takes to see a stop. */
static const double patience_seconds = 0.6;

/* Asks the worker to end; `signal_number` is for a process. */
static void ask_to_end(struct worker *w, int signal_number) {
  if (!w->patience.ns) w->patience = deadline_after(patience_seconds);
  stop_with_signal(w, is_process(w) ? signal_number : SIGTERM);
}

static int worker_terminate(lua_State *L) {
  ask_to_end(class_check(L, 1, &class), SIGTERM);
  return 0;
}

/* Gentler than terminate: a process ends at its next Lua instruction, after sending its results.
 * The caller has set `stop_requested` in its worker status before (pool/pool_rings.c). [-0, +0, raises] */
static int worker_interrupt(lua_State *L) {
  ask_to_end(class_check(L, 1, &class), SIGNAL_INTERRUPT);
  return 0;
}

static int worker_kill(lua_State *L) {
  stop_with_signal(class_check(L, 1, &class), SIGKILL);
  return 0;
}

/* How long closing a handle waits for an interpreter, which cannot be stopped in a C function. */
static const double stop_grace_seconds = 2.0;

/* A thread that did not stop is detached, and what it uses is not freed. */
static void release_interpreter(struct worker *w) {
  if (!has_ended(w)) {
    thread_detach(&w->interpreter->thread);
    return;
  }
  tidy_up(w);
  worker_status_destroy(w->worker_status);
  start_info_destroy(w->start_info);
  mutex_fini(&w->interpreter->lock);
  memory_free(w->interpreter);
}

static void release(struct worker *w) {
  if (w->kind == WORKER_PROCESS) {
    child_fini(&w->child);
    if (w->start_info) start_info_destroy(w->start_info);
  } else if (w->kind == WORKER_INTERPRETER) {
    release_interpreter(w);
  } else {
    tidy_up(w);
    worker_status_destroy(w->worker_status);
  }
}

/* One that was asked to end has the rest of its patience; then it is killed. The signal by which a process was
 * asked may be lost. Returns until when to wait for it. */
static deadline press(struct worker *w, deadline until) {
  enum { SIGNAL_AGAIN_MS = 10 };
  if (deadline_passed(w->patience)) {
    stop_with_signal(w, SIGKILL);
    return until;
  }
  if (is_process(w)) stop_with_signal(w, SIGNAL_INTERRUPT);
  const deadline again = deadline_after(SIGNAL_AGAIN_MS * 1e-3);
  return deadline_earlier(deadline_earlier(w->patience, again), until);
}

/* Stops the worker and waits for its end: for an interpreter stop_grace_seconds at most; for the
 * others without a limit, because a killed process ends and a thread cannot outlive its VM. */
static void end_worker(lua_State *L, struct worker *w) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  const deadline until =
      w->kind == WORKER_INTERPRETER ? deadline_after(stop_grace_seconds) : deadline_never();
  while (check_end(w)) {
    const deadline slice = press(w, until);
    w->waiters++;
    vm_leave(vm);
    const status st = wait_until(w, slice);
    vm_return(L, vm);
    w->waiters--;
    if (st && st != STATUS_INTERRUPTED && st != STATUS_TIMEOUT) break;
    if (st && deadline_passed(until)) break;
  }
}

/* Waits until the other threads of this VM that waited for the worker's end have returned (I3). */
static void await_waiters(lua_State *L, const struct worker *w) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  while (w->waiters) {
    futex_word never = 0;
    vm_leave(vm);
    const status st = futex_wait(&never, 0, deadline_after(0.001));
    vm_return(L, vm);
    if (st == STATUS_OK) break;
  }
}

static bool is_caller(lua_State *L, const struct worker *w) {
  return w->kind == WORKER_THREAD && !w->is_joined && &w->thread->self == vm_self(vm_of(L));
}

/* is_caller() → whether the calling thread is that of the worker, and so cannot close it. [-0, +1, raises] */
static int worker_is_caller(lua_State *L) {
  lua_pushboolean(L, is_caller(L, check_worker(L, 1)));
  return 1;
}

static int worker_close(lua_State *L) REQUIRES(rank_vm) {
  struct worker *w = class_check(L, 1, &class);
  if (!w->is_open) return 0;
  if (!is_ours(w)) {
    w->is_open = false;
    return 0;
  }
  end_worker(L, w);
  if (!w->is_open) return 0; /* another thread has closed it meanwhile */
  w->is_open = false;
  await_waiters(L, w);
  release(w);
  return 0;
}

/* ---- workers whose handles were collected ---------------------------------------------------- */

/* A handle that is collected waits for nothing: it may be its own worker's thread that collects. The worker is
 * asked to end, and the handle stays in a table of the registry until it has. */
static const char leaving_key = 'l'; /* its address is the key; never written */

static bool push_leaving(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &leaving_key);
  if (lua_istable(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/* What is to be released after them: a table from userdata to functions. */
static const char rests_key = 'r'; /* its address is the key; never written */

static void push_rests(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &rests_key);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &rests_key);
}

static void release_rests(lua_State *L) {
  push_rests(L);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &rests_key);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pushvalue(L, -2);
    lua_call(L, 1, 0);
  }
  lua_pop(L, 1);
}

static bool has_left(struct worker *w) {
  if (!is_ours(w)) w->is_open = false; /* (I1) */
  if (!w->is_open) return true;
  if (check_end(w)) {
    ask_again(w);
    return false;
  }
  w->is_open = false;
  release(w);
  return true;
}

void worker_release_leaving(lua_State *L) {
  if (!push_leaving(L)) return;
  bool is_any_left = false;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    struct worker *w = lua_touserdata(L, -1);
    if (has_left(w)) {
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, -4);
    } else {
      is_any_left = true;
    }
  }
  lua_pop(L, 1);
  if (is_any_left) return;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &leaving_key);
  release_rests(L);
}

bool worker_release_later(lua_State *L, lua_CFunction how) {
  if (!push_leaving(L)) return false;
  lua_pop(L, 1);
  push_rests(L);
  lua_pushvalue(L, 1);
  lua_pushcfunction(L, how);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return true;
}

/* The handle at index 1 leaves. [-0, +0, memory] */
static void keep_leaving(lua_State *L) {
  if (!push_leaving(L)) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &leaving_key);
  }
  lua_pushvalue(L, 1);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static int worker_abandon(lua_State *L) {
  struct worker *w = class_check(L, 1, &class);
  if (has_left(w)) return 0;
  stop_with_signal(w, SIGKILL);
  if (!has_left(w)) keep_leaving(L);
  return 0;
}

int worker_end_leaving_call(lua_State *L) REQUIRES(rank_vm) {
  while (push_leaving(L)) {
    lua_pushnil(L);
    if (!lua_next(L, -2)) break;
    lua_pop(L, 1);
    lua_pushcfunction(L, worker_close);
    lua_insert(L, -2);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
    worker_release_leaving(L);
  }
  return 0;
}

static const luaL_Reg methods[] = {
    {"is_alive", worker_is_alive},   {"exitcode", worker_exitcode},   {"pid", worker_pid},
    {"refusal", worker_refusal},     {"has_begun", worker_has_begun}, {"sentinel", worker_sentinel},
    {"terminate", worker_terminate}, {"interrupt", worker_interrupt}, {"kill", worker_kill},
    {"abandon", worker_abandon},     {"is_caller", worker_is_caller}, {NULL, NULL},
};

static const struct waiting_entry waiting_methods[] = {{"wait", worker_wait, WAITING_FIXED}, {.name = NULL}};

static bool worker_is_ready(lua_State *L, int index) {
  struct worker *w = lua_touserdata(L, index);
  return !w->is_open || check_end(w) == STATUS_OK;
}

/* A process is polled through its pidfd, and needs no waker. */
static bool worker_waker(lua_State *L, int index, waker_set wakers) {
  const struct worker *w = lua_touserdata(L, index);
  if (!w->is_open) return true;
  return w->kind != WORKER_PROCESS && worker_status_watch(w->worker_status, wakers);
}

static int worker_descriptor(lua_State *L, int index) {
  const struct worker *w = lua_touserdata(L, index);
  return w->is_open && w->kind == WORKER_PROCESS && !w->child.has_ended ? w->child.pidfd : -1;
}

static const struct waitable waitable = {worker_is_ready, worker_waker, worker_descriptor};

static const struct handle_class class = {.name = "Worker",
                                          .key = "manymoons.Worker",
                                          .methods = methods,
                                          .close = worker_close,
                                          .collect = worker_abandon,
                                          .waiting = waiting_methods,
                                          .waitable = &waitable};

/* The end of the state, in hosts that say it by no other means. Its finalizer alone waits, for the threads of a VM
 * cannot outlive it. It is made before all handles of workers, and so is the last of them to be collected. */
static void anchor_end(lua_State *L) {
  static const char end_key = 'e'; /* its address is the key; never written */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &end_key);
  const bool is_there = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_there) return;
  lua_newuserdata(L, 1);
  lua_newtable(L);
  lua_pushcfunction(L, worker_end_leaving_call);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &end_key);
}

void worker_open(lua_State *L) { anchor_end(L); }
