/* SPDX-License-Identifier: MIT */
/* Starting, watching and stopping one worker, whatever it is made of.
 *
 * An interpreter is a thread of this process with a VM of its own; the thread owns the VM, and publishes it
 * under a lock for those who want to interrupt it. A process is a child (task/child.h). Both have a cell in
 * the commons that says whether they have ended and how, and a birth that they started from; both belong to
 * this handle.
 *
 * In a forked child the handles of the parent are in the copied VM, but their workers are not its own:
 * `owner` tells.
 */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/memory.h"
#include "birth.h"
#include "channel/message.h"
#include "os/clock.h"
#include "os/signals.h"
#include "pool_core.h"
#include "state/launch.h"
#include "state/transfer.h"
#include "state/value_path.h"
#include "state/vm_interrupt.h"
#include "task/child.h"
#include "thread.h"
#include "trace/recorder.h"
#include "wait_any.h"
#include "waiting.h"
#include "wire/message.h"
#include "worker_run.h"

enum worker_kind { WORKER_INTERPRETER, WORKER_PROCESS, WORKER_THREAD };

/* Shared by the handle and the thread; whoever is last frees it (a thread that cannot be stopped outlives its
 * handle). */
struct interpreter {
  struct mutex lock; /* no rank: a leaf that nothing is taken under */
  struct vm *vm;     /* while it can be interrupted; under `lock` */
  int stop;          /* asked for before there was a VM; under `lock` */
  int exit_code;     /* for that stop; under `lock` */
  const struct vm_library *library;
  struct cell *cell;
  block_ref birth;
  struct thread thread;
};

struct worker {
  bool is_open;
  bool is_joined;
  enum worker_kind kind;
  struct interpreter *interpreter;
  struct thread_worker *thread;
  struct cell *cell; /* of whatever it is */
  struct child child;
  block_ref birth; /* 0: forked */
  pid_t owner;
  _Atomic int wanted_stop; /* enum vm_stop that was asked for; repeated while waiting */
  int wanted_exit_code;    /* stored before it */
  int waiters; /* threads of this VM that sleep until its end: so long it is not joined, nor its pidfd closed
                */
};

static const struct handle_class class; /* defined below its methods */

static struct worker *check_worker(lua_State *L, int index) {
  struct worker *w = class_check(L, index, &class);
  if (!w->is_open) luaL_error(L, "Worker: used after close");
  return w;
}

/* ---- interpreters ---------------------------------------------------------------------------- */

static void publish_vm(struct interpreter *t, struct vm *vm) {
  mutex_lock(&t->lock);
  t->vm = vm;
  if (vm && t->stop) {
    atomic_store(&vm->main.exit_code, t->exit_code);
    atomic_store(&vm->main.stop, t->stop);
  }
  mutex_unlock(&t->lock);
}

static void interpreter_main(void *argument) {
  struct interpreter *t = argument;
  struct vm *vm = NULL;
  int code = 1;
  const struct birth *birth = commons_at(t->birth);
  trace_worker_start();
  if (worker_open_vm(&vm, birth) == STATUS_OK) {
    vm_bind_thread(vm);
    signals_let_interrupts_in();
    publish_vm(t, vm);
    code = worker_run(vm, t->library, birth, t->cell, WORKER_IN_THREAD);
    publish_vm(t, NULL);
    vm_bind_thread(NULL);
    vm_close(vm);
  }
  trace_worker_end();
  cell_end(t->cell, code);
  cell_ring(t->cell);
}

static status interpreter_start(lua_State *L, struct worker *w, const char *name) {
  struct interpreter *t = memory_alloc(sizeof *t);
  if (!t) return -ENOMEM;
  mutex_init(&t->lock);
  t->library = vm_of(L)->library;
  t->birth = w->birth;
  status st = cell_make(&t->cell);
  if (st == STATUS_OK) {
    st = thread_start(&t->thread, interpreter_main, t, name);
    if (st) cell_destroy(t->cell);
  }
  if (st)
    memory_free(t);
  else
    w->interpreter = t;
  w->cell = st ? NULL : t->cell;
  return st;
}

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

/* ---- both ------------------------------------------------------------------------------------ */

struct cell *worker_cell(lua_State *L, int index) {
  return check_worker(L, index)->cell;
}

/* While it starts, its phase is watched, to look again once it runs; then what changes when it dies. False:
 * it has died. */
bool worker_watch(lua_State *L, int index, struct futex_watch *watch) {
  struct worker *w = check_worker(L, index);
  struct cell *cell = worker_cell(L, index);
  const uint32_t phase = atomic_load(&cell->phase);
  if (phase == CELL_ENDED) return false;
  if (phase == CELL_RUNNING && w->kind == WORKER_PROCESS)
    return commons_watch_life(w->child.place.slot, watch);
  *watch = (struct futex_watch){&cell->phase, phase};
  return true;
}

static bool is_process(const struct worker *w) { return w->kind == WORKER_PROCESS; }

/* What an ended worker needs no longer: a process's descriptor; a thread, which has said its last word, is
 * joined at once, under the VM's lock. */
static void tidy_up(struct worker *w) {
  if (is_process(w)) {
    child_unwatch(&w->child);
    return;
  }
  if (w->is_joined) return;
  if (w->kind == WORKER_THREAD)
    thread_worker_join(w->thread);
  else
    thread_join(&w->interpreter->thread);
  w->is_joined = true;
}

/* STATUS_OK: it has ended, and has an exit code. What other threads sleep on stays. */
static status look(struct worker *w) {
  const bool is_news = is_process(w) && !w->child.has_ended;
  const status st =
      is_process(w) ? child_wait(&w->child, deadline_now()) : cell_wait_end(w->cell, deadline_now());
  if (st == STATUS_OK && is_news) recorder_note_death(w->child.pid);
  if (st == STATUS_OK && w->waiters == 0) tidy_up(w);
  return st;
}

/* Without the VM's lock: changes nothing. */
static status sleep_once(const struct worker *w, deadline until) {
  return is_process(w) ? child_await(&w->child, until) : cell_wait_end(w->cell, until);
}

static void ask_again(struct worker *w) {
  const int stop = atomic_load(&w->wanted_stop);
  if (is_process(w) || !stop || w->is_joined) return;
  if (w->kind == WORKER_THREAD)
    thread_worker_interrupt(w->thread, (enum vm_stop)stop, w->wanted_exit_code);
  else
    interpreter_interrupt(w->interpreter, stop, w->wanted_exit_code);
}

/* Waits; where a stop was asked for, asks again with growing pauses (state/vm_interrupt.h says why). */
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
  return w->kind == WORKER_PROCESS ? w->child.exit_code : atomic_load(&w->cell->exit_code);
}

static bool has_ended(struct worker *w) {
  return w->kind == WORKER_PROCESS ? w->child.has_ended : cell_has_ended(w->cell);
}

/* ---- starting -------------------------------------------------------------------------------- */

static struct worker *push_worker(lua_State *L, enum worker_kind kind) {
  struct worker *w = lua_newuserdata(L, sizeof *w);
  *w = (struct worker){.kind = kind, .owner = getpid()};
  luaL_getmetatable(L, class.key);
  lua_setmetatable(L, -2);
  return w;
}

enum { ARG_METHOD = 1, ARG_SETTINGS = 2, ARG_CORE = 3, ARG_FUNCTION = 4 };

static lua_Number number_field(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  const lua_Number number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

static struct birth_limits limits_of(lua_State *L) {
  struct birth_limits limits = {0};
  lua_getfield(L, ARG_SETTINGS, "limits");
  if (lua_istable(L, -1)) {
    limits.memory = (uint64_t)number_field(L, "memory");
    limits.timeout_ns = (int64_t)(number_field(L, "timeout") * 1e9);
    limits.libraries = (uint32_t)number_field(L, "libs");
    limits.nice = (int32_t)number_field(L, "nice");
  }
  lua_pop(L, 1);
  return limits;
}

static struct birth birth_of(lua_State *L) {
  struct birth birth = {.role = BIRTH_PROCESS, .limits = limits_of(L)};
  if (lua_isnil(L, ARG_CORE)) return birth;
  birth.role = BIRTH_POOL_WORKER;
  pool_core_rings(L, ARG_CORE, &birth.tasks, &birth.results);
  return birth;
}

/* What is passed to a forked child: the handles in its function and arguments, if those could be sent. The
 * message that lists them is thrown away before the fork, for the child would inherit its holds. */
enum { PASSED_MAX = 256 };

struct passed {
  object_ref refs[PASSED_MAX];
  struct object_list list;
  bool is_all; /* it could not be encoded, so everything is passed */
};

static void list_passed(lua_State *L, struct passed *p) {
  const int count = lua_gettop(L) - ARG_CORE;
  struct bytes *text = NULL;
  struct message m;
  luaL_checkstack(L, count + 4, "too many arguments");
  transfer_open(L);
  p->is_all = transfer_try_encode(L, ARG_FUNCTION, count, PATH_CALL, &text) != 0;
  if (p->is_all) lua_pop(L, 1);
  p->list = (struct object_list){p->refs, 0};
  if (p->is_all || message_parse(text->data, text->len, &m)) return;
  for (uint32_t i = 0; i < m.handle_count && i < PASSED_MAX; i++)
    p->refs[p->list.count++] = message_handle_at(&m, i).reference;
  message_discard(text->data, text->len);
}

/* The child never comes back from here. */
static int start_fork(lua_State *L) {
  const struct birth birth = birth_of(L);
  struct passed passed;
  list_passed(L, &passed);
  struct worker *w = push_worker(L, WORKER_PROCESS);
  struct cell *cell = NULL;
  enum child_side side = CHILD_PARENT;
  const status st = child_fork(&w->child, passed.is_all ? NULL : &passed.list, &side, &cell);
  if (st) return return_failure(L, st);
  if (side == CHILD_CHILD) {
    lua_pop(L, 1);
    lua_remove(L, ARG_CORE);
    worker_run_forked(L, ARG_SETTINGS, &birth, cell);
  }
  w->is_open = true;
  w->cell = w->child.cell;
  return 1;
}

static status start_process(struct worker *w, const char *method) {
  struct launch launch;
  const bool spawns = method[0] == 's';
  status st = launch_prepare(&launch, spawns ? LAUNCH_WORKER : LAUNCH_FORKSERVER);
  if (st) return st;
  st = spawns ? child_spawn(&w->child, launch.argv, w->birth)
              : child_request(&w->child, launch.argv, w->birth);
  launch_end(&launch);
  return st;
}

static int start_fresh(lua_State *L, enum worker_kind kind, const char *method) {
  const int count = lua_gettop(L) - ARG_CORE;
  lua_getfield(L, ARG_SETTINGS, "name");
  const char *name = lua_tostring(L, -1);
  struct worker *w = push_worker(L, kind);
  w->birth = birth_write(L, birth_of(L), ARG_SETTINGS, ARG_FUNCTION, count);
  const status st =
      kind == WORKER_INTERPRETER ? interpreter_start(L, w, name ? name : "worker") : start_process(w, method);
  if (st) {
    birth_destroy(w->birth);
    w->birth = 0;
    return return_failure(L, st);
  }
  w->is_open = true;
  if (kind == WORKER_PROCESS) w->cell = w->child.cell;
  return 1;
}

/* The function and its arguments are moved, not copied. */
static int start_thread(lua_State *L) REQUIRES(rank_vm) {
  struct worker *w = push_worker(L, WORKER_THREAD);
  lua_insert(L, ARG_FUNCTION);
  lua_getfield(L, ARG_SETTINGS, "name");
  const char *name = lua_tostring(L, -1);
  lua_replace(L, ARG_METHOD);
  status st = cell_make(&w->cell);
  if (st) return return_failure(L, st);
  st = thread_worker_start(L, ARG_SETTINGS, lua_gettop(L) - ARG_FUNCTION, w->cell, name ? name : "worker",
                           &w->thread);
  if (st) {
    cell_destroy(w->cell);
    return return_failure(L, st);
  }
  w->is_open = true;
  return 1;
}

int worker_start(lua_State *L) REQUIRES(rank_vm) {
  static const char *const names[] = {"interpreter", "fork", "spawn", "forkserver", "thread", NULL};
  enum { INTERPRETER = 0, FORK = 1, THREAD = 4 };
  const int method = luaL_checkoption(L, ARG_METHOD, NULL, names);
  luaL_checktype(L, ARG_SETTINGS, LUA_TTABLE);
  if (method == FORK) return start_fork(L);
  if (method == THREAD) return start_thread(L);
  return start_fresh(L, method == INTERPRETER ? WORKER_INTERPRETER : WORKER_PROCESS, names[method]);
}

/* ---- methods --------------------------------------------------------------------------------- */

static status attempt_join(void *context, deadline until) { return wait_until(context, until); }

/* STATUS_OK: it has ended, as far as this thread can tell; look again. */
static status wait_for_end(lua_State *L, struct worker *w, deadline until) REQUIRES(rank_vm) {
  w->waiters++;
  const status st = wait_for(L, TRACE_CALL_JOIN, attempt_join, w, until);
  w->waiters--;
  return st;
}

/* worker:wait(timeout) → true, or nil and why. What runs between two slices may close the handle. */
static int worker_wait(lua_State *L) REQUIRES(rank_vm) {
  struct worker *w = check_worker(L, 1);
  const deadline until = argument_timeout(L, 2);
  status st = look(w);
  while (st && !deadline_is_now(until)) {
    st = wait_for_end(L, w, until);
    raise_if_stopped(L, st);
    check_worker(L, 1);
    if (st == STATUS_TIMEOUT) break;
    st = look(w);
  }
  return return_status(L, st);
}

static int worker_is_alive(lua_State *L) {
  lua_pushboolean(L, look(check_worker(L, 1)) != STATUS_OK);
  return 1;
}

static int worker_exitcode(lua_State *L) {
  struct worker *w = check_worker(L, 1);
  if (look(w))
    lua_pushnil(L);
  else
    lua_pushinteger(L, exit_code_of(w));
  return 1;
}

static int worker_pid(lua_State *L) {
  const struct worker *w = check_worker(L, 1);
  lua_pushinteger(L, w->kind == WORKER_PROCESS ? w->child.pid : getpid());
  return 1;
}

/* A file descriptor that is readable once a process has ended; nil for an interpreter. */
static int worker_sentinel(lua_State *L) {
  const struct worker *w = check_worker(L, 1);
  if (w->kind != WORKER_PROCESS || w->child.has_ended || w->child.pidfd < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, w->child.pidfd);
  return 1;
}

static void stop_with_signal(struct worker *w, int signal_number) {
  if (!w->is_open || has_ended(w)) return;
  if (w->kind == WORKER_PROCESS) {
    child_signal(&w->child, signal_number);
    return;
  }
  if (!atomic_load(&w->wanted_stop)) w->wanted_exit_code = -signal_number;
  atomic_store(&w->wanted_stop, VM_STOP_TERMINATE);
  ask_again(w);
}

static int worker_terminate(lua_State *L) {
  stop_with_signal(class_check(L, 1, &class), SIGTERM);
  return 0;
}

/* Gentler than terminate: a process ends at its next Lua instruction, and sends what it has done. Its cell
 * says already that it is doomed (pool_core.c). */
static int worker_interrupt(lua_State *L) {
  struct worker *w = class_check(L, 1, &class);
  stop_with_signal(w, is_process(w) ? SIGNAL_INTERRUPT : SIGTERM);
  return 0;
}

static int worker_kill(lua_State *L) {
  stop_with_signal(class_check(L, 1, &class), SIGKILL);
  return 0;
}

/* How long the collection of a handle waits for an interpreter that does not stop: one in a C function never
 * does. */
static const double stop_grace_seconds = 1.0;

/* A thread that did not stop keeps what it uses; the process is about to end, or has one thread more. */
static void release_interpreter(struct worker *w) {
  if (!has_ended(w)) {
    thread_detach(&w->interpreter->thread);
    return;
  }
  tidy_up(w);
  cell_destroy(w->cell);
  birth_destroy(w->birth);
  mutex_fini(&w->interpreter->lock);
  memory_free(w->interpreter);
}

static void release(struct worker *w) {
  if (w->kind == WORKER_PROCESS) {
    child_fini(&w->child);
    if (w->birth) birth_destroy(w->birth);
  } else if (w->kind == WORKER_INTERPRETER) {
    release_interpreter(w);
  } else {
    tidy_up(w);
    cell_destroy(w->cell);
  }
}

/* Stops what runs and waits for its end: a process and a thread of this VM for as long as it takes, for they
 * end or take the VM with them. */
static void end_worker(lua_State *L, struct worker *w) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  const deadline until =
      w->kind == WORKER_INTERPRETER ? deadline_after(stop_grace_seconds) : deadline_never();
  while (look(w)) {
    stop_with_signal(w, SIGKILL);
    w->waiters++;
    vm_leave(vm);
    const status st = wait_until(w, until);
    vm_enter(vm);
    w->waiters--;
    if (st && st != STATUS_INTERRUPTED) break;
  }
}

/* Other threads of the VM that wait for the end have seen it soon. */
static void await_waiters(lua_State *L, const struct worker *w) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  while (w->waiters) {
    futex_word never = 0;
    vm_leave(vm);
    const status st = futex_wait(&never, 0, deadline_after(0.001));
    vm_enter(vm);
    if (st == STATUS_OK) break;
  }
}

static int worker_gc(lua_State *L) REQUIRES(rank_vm) {
  struct worker *w = class_check(L, 1, &class);
  if (!w->is_open) return 0;
  if (w->owner != getpid()) {
    w->is_open = false;
    return 0;
  }
  end_worker(L, w);
  if (!w->is_open) return 0; /* another thread was quicker */
  w->is_open = false;
  await_waiters(L, w);
  release(w);
  return 0;
}

static const luaL_Reg methods[] = {
    {"wait", worker_wait},
    {"is_alive", worker_is_alive},
    {"exitcode", worker_exitcode},
    {"pid", worker_pid},
    {"sentinel", worker_sentinel},
    {"terminate", worker_terminate},
    {"interrupt", worker_interrupt},
    {"kill", worker_kill},
    {"close", worker_gc},
    {NULL, NULL},
};

static const struct handle_class class = {"Worker", "manymoons.Worker", methods, worker_gc, NULL};

/* ---- waiting among other things -------------------------------------------------------------- */

static bool worker_is_ready(lua_State *L, int index) {
  struct worker *w = lua_touserdata(L, index);
  return !w->is_open || look(w) == STATUS_OK;
}

/* A process is watched through its pidfd. */
static bool worker_bell(lua_State *L, int index, bell_set bells) {
  const struct worker *w = lua_touserdata(L, index);
  if (!w->is_open) return true;
  return w->kind != WORKER_PROCESS && cell_watch(w->cell, bells);
}

static int worker_descriptor(lua_State *L, int index) {
  const struct worker *w = lua_touserdata(L, index);
  return w->is_open && w->kind == WORKER_PROCESS && !w->child.has_ended ? w->child.pidfd : -1;
}

void worker_open(lua_State *L) {
  static const struct waitable waitable = {worker_is_ready, worker_bell, worker_descriptor};
  class_register(L, &class);
  class_set_pointer(L, &class, WAITABLE_FIELD, &waitable);
}
