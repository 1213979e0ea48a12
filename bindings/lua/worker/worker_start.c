/* SPDX-License-Identifier: MIT */
#include "worker/worker_start.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "channel/message_refs.h"
#include "os/signals.h"
#include "process/child.h"
#include "process/forkserver.h"
#include "state/classes.h"
#include "state/launch.h"
#include "state/raise.h"
#include "state/stop_point.h"
#include "state/transfer.h"
#include "state/value_path.h"
#include "state/vm_interrupt.h"
#include "wire/message.h"
#include "worker/sandboxed_worker.h"
#include "worker/start_info.h"
#include "worker/thread_run.h"
#include "worker/worker.h"
#include "worker/worker_run.h"

/* ---- an interpreter's thread ----------------------------------------------------------------- */

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
  const struct start_info *start_info = segment_at(t->start_info);
  trace_worker_start();
  STOP_POINT("interpreter.begun");
  const status opened = worker_open_vm(&vm, start_info);
  vm_live_has_come();
  if (opened == STATUS_OK) {
    STOP_POINT("interpreter.opened");
    vm_bind_thread(vm);
    STOP_POINT("interpreter.bound");
    signals_let_interrupts_in();
    STOP_POINT("interpreter.listens");
    (void)!vm_prepare_requests(); /* without a signal it cannot be sampled while it runs */
    publish_vm(t, vm);
    STOP_POINT("interpreter.published");
    code = worker_run(vm, t->library, start_info, t->worker_status, WORKER_IN_THREAD);
    STOP_POINT("interpreter.ran");
    publish_vm(t, NULL);
    STOP_POINT("interpreter.withdrawn");
    vm_bind_thread(NULL);
    STOP_POINT("interpreter.unbound");
    vm_close(vm);
    STOP_POINT("interpreter.closed");
  }
  trace_worker_end();
  STOP_POINT("interpreter.ends");
  worker_status_end(t->worker_status, code);
  worker_status_wake(t->worker_status);
}

static status interpreter_start(lua_State *L, struct worker *w, const char *name) {
  struct interpreter *t = memory_alloc(sizeof *t);
  if (!t) return -ENOMEM;
  mutex_init(&t->lock);
  t->library = vm_of(L)->library;
  t->start_info = w->start_info;
  status st = worker_status_make(&t->worker_status);
  if (st == STATUS_OK) {
    vm_live_expect();
    st = thread_start(&t->thread, interpreter_main, t, name);
    if (st) {
      vm_live_has_come();
      worker_status_destroy(t->worker_status);
    }
  }
  if (st)
    memory_free(t);
  else
    w->interpreter = t;
  w->worker_status = st ? NULL : t->worker_status;
  return st;
}

/* ---- the start info -------------------------------------------------------------------------- */

enum { ARG_METHOD = 1, ARG_SETTINGS = 2, ARG_FUNCTION = 3 };

static lua_Number number_field(lua_State *L, const char *name) {
  lua_getfield(L, -1, name);
  const lua_Number number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* Of a time limit: a deadline after it is still a number. */
static const double LONGEST_NS = 0x1p62;

static struct start_info_limits limits_of(lua_State *L) {
  struct start_info_limits limits = {0};
  lua_getfield(L, ARG_SETTINGS, "limits");
  if (lua_istable(L, -1)) {
    limits.memory = (uint64_t)number_field(L, "memory");
    limits.timeout_ns = (int64_t)fmin(number_field(L, "timeout") * 1e9, LONGEST_NS);
    limits.libraries = (uint32_t)number_field(L, "libs");
    limits.nice = (int32_t)number_field(L, "nice");
  }
  lua_pop(L, 1);
  return limits;
}

static struct start_info start_info_of(lua_State *L, struct worker_rings rings) {
  return (struct start_info){.role = rings.tasks ? START_INFO_POOL_WORKER : START_INFO_PROCESS,
                             .limits = limits_of(L),
                             .tasks = rings.tasks,
                             .urgent = rings.urgent,
                             .later = rings.later,
                             .results = rings.results};
}

/* The objects whose holds a forked child gets: those named by its function and arguments. They are
 * found by encoding both; the message is discarded before the fork, because the child would inherit
 * its holds. */
enum { PASSED_MAX = 256 };

struct passed {
  object_ref refs[PASSED_MAX];
  struct object_list list;
  bool is_all; /* the values could not be encoded, so the child gets all holds */
};

static void list_passed(lua_State *L, struct passed *p) {
  const int count = lua_gettop(L) - ARG_SETTINGS;
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
  message_refs_discard(text->data, text->len);
}

/* So that the flush before the fork finds nothing that it would have to wait for. */
static void flush_without_lock(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  vm_leave(vm);
  fflush(NULL);
  vm_enter(vm);
}

/* In the child it does not return. */
static int start_fork(lua_State *L, struct worker_rings rings) REQUIRES(rank_vm) {
  const struct start_info start_info = start_info_of(L, rings);
  struct passed passed;
  flush_without_lock(L);
  if (!rings.image || !rings.image->is_current) classes_before_fork(L, ARG_SETTINGS + 1);
  list_passed(L, &passed);
  struct worker *w = worker_push(L, WORKER_PROCESS);
  struct worker_status *worker_status = NULL;
  enum child_side side = CHILD_PARENT;
  const status st = child_fork(&w->child, passed.is_all ? NULL : &passed.list, &side, &worker_status);
  if (st) return return_failure(L, st);
  if (side == CHILD_CHILD) {
    forkserver_forget();
    lua_pop(L, 1);
    worker_run_forked(L, ARG_SETTINGS, &start_info, worker_status);
  }
  w->is_open = true;
  w->worker_status = w->child.worker_status;
  return 1;
}

/* A sandboxed worker begins with a VM of its own, and its guard needs nothing of this process's but
 * what the start info names. */
static status start_forked_guard(const struct vm_library *library, struct worker *w) {
  static const enum object_kind kinds[] = {OBJECT_RING,        OBJECT_PIPE_END, OBJECT_SYNCHRONIZER,
                                           OBJECT_TYPED_ARRAY, OBJECT_TABLE,    OBJECT_FROZEN_TABLE};
  const struct object_list none = {NULL, 0};
  struct worker_status *worker_status = NULL;
  enum child_side side = CHILD_PARENT;
  const status st = child_fork(&w->child, &none, &side, &worker_status);
  if (st || side == CHILD_PARENT) return st;
  forkserver_forget();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) segment_release_all(kinds[i]);
  sandboxed_worker_run(library, segment_at(w->start_info), worker_status);
}

/* Without the VM's lock: a full stream is flushed, a program is loaded, a fork server answers. */
static status start_process(struct child *child, const char *method, block_ref start_info) {
  struct launch launch;
  const bool spawns = method[0] == 's';
  status st = launch_prepare(&launch, spawns ? LAUNCH_WORKER : LAUNCH_FORKSERVER);
  if (st) return st;
  st = spawns ? child_spawn(child, launch.argv, start_info) : child_request(child, launch.argv, start_info);
  launch_end(&launch);
  return st;
}

static status start_without_lock(lua_State *L, struct worker *w, const char *method) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  vm_leave(vm);
  const status st = start_process(&w->child, method, w->start_info);
  vm_enter(vm);
  return st;
}

static int start_fresh(lua_State *L, struct worker_rings rings, enum worker_kind kind, const char *method)
    REQUIRES(rank_vm) {
  const int count = lua_gettop(L) - ARG_SETTINGS;
  lua_getfield(L, ARG_SETTINGS, "name");
  const char *name = lua_tostring(L, -1);
  struct worker *w = worker_push(L, kind);
  w->start_info =
      start_info_write(L, start_info_of(L, rings), ARG_SETTINGS, ARG_FUNCTION, count, rings.image);
  status st = STATUS_OK;
  if (kind == WORKER_INTERPRETER)
    st = interpreter_start(L, w, name ? name : "worker");
  else
    st = method[0] == 'f' && method[4] == '\0' ? start_forked_guard(vm_of(L)->library, w)
                                               : start_without_lock(L, w, method);
  if (st) {
    /* A fork server that did not answer may still read it. */
    if (st != -ETIMEDOUT) start_info_destroy(w->start_info);
    w->start_info = 0;
    return return_failure(L, st);
  }
  w->is_open = true;
  if (kind == WORKER_PROCESS) w->worker_status = w->child.worker_status;
  return 1;
}

/* The function and its arguments are moved, not copied. */
static int start_thread(lua_State *L) REQUIRES(rank_vm) {
  struct worker *w = worker_push(L, WORKER_THREAD);
  lua_insert(L, ARG_FUNCTION);
  lua_getfield(L, ARG_SETTINGS, "name");
  const char *name = lua_tostring(L, -1);
  lua_replace(L, ARG_METHOD);
  status st = worker_status_make(&w->worker_status);
  if (st) return return_failure(L, st);
  st = thread_worker_start(L, ARG_SETTINGS, lua_gettop(L) - ARG_FUNCTION, w->worker_status,
                           name ? name : "worker", &w->thread);
  if (st) {
    worker_status_destroy(w->worker_status);
    return return_failure(L, st);
  }
  w->is_open = true;
  return 1;
}

static bool is_sandboxed(lua_State *L) {
  lua_getfield(L, ARG_SETTINGS, "sandbox");
  const bool is = lua_istable(L, -1);
  lua_pop(L, 1);
  return is;
}

int worker_start(lua_State *L, struct worker_rings rings) REQUIRES(rank_vm) {
  static const char *const names[] = {"interpreter", "fork", "spawn", "forkserver", "thread", NULL};
  enum { INTERPRETER = 0, FORK = 1, THREAD = 4 };
  const int method = luaL_checkoption(L, ARG_METHOD, NULL, names);
  luaL_checktype(L, ARG_SETTINGS, LUA_TTABLE);
  vm_prepare_looks(L, vm_of(L));
  if (method == FORK && !is_sandboxed(L)) return start_fork(L, rings);
  if (method == THREAD) return start_thread(L);
  return start_fresh(L, rings, method == INTERPRETER ? WORKER_INTERPRETER : WORKER_PROCESS, names[method]);
}

int worker_may_fork(lua_State *L) {
  lua_pushboolean(L, launch_may_fork());
  return 1;
}

int worker_stop_forkserver(lua_State *L) {
  (void)L;
  forkserver_stop();
  return 0;
}
