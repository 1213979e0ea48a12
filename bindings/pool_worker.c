/* SPDX-License-Identifier: MIT */
/* Take a task, run it, answer; again and again.
 *
 * Whatever goes wrong with a task (its arguments cannot be decoded, it raises, its result cannot be encoded)
 * is that task's answer. Functions are decoded once and kept under their number; the last FUNCTIONS_KEPT of
 * them.
 */
#include "pool_worker.h"

#include "failure.h"
#include "pool_core.h"
#include "settings.h"
#include "shared/cargo.h"
#include "state/parcel.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

enum { FUNCTIONS_KEPT = 64 };

struct pool_worker {
  struct vm *vm;
  struct ring *tasks;
  struct ring *results;
  struct cell *cell;
  struct bytes inbox;
  struct ring_message message;
  struct envelope task; /* the one in hand */
  bool is_running;      /* its arguments are decoded: what fails from here on is the script's */
  int cached;           /* how many functions were ever decoded */
  uint64_t items;       /* how many calls the task in hand is */
};

enum { HANDLER = 1, CACHE = 2, BASE = 2 }; /* the worker's stack */

/* ---- functions
 * -------------------------------------------------------------------------------------------------- */

static void decode_function(lua_State *L, const struct envelope *task) {
  const uint8_t *text = cargo_text(task->function_code);
  uint64_t size = 0;
  memcpy(&size, text, sizeof size);
  transfer_decode(L, text + sizeof size, size, TRANSFER_TRUSTED);
}

#define FUNCTIONS lua_upvalueindex(1)

static void push_function(lua_State *L, struct pool_worker *w) {
  lua_rawgeti(L, FUNCTIONS, (int)w->task.function);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  decode_function(L, &w->task);
  if (w->cached++ >= FUNCTIONS_KEPT) {
    lua_pushnil(L);
    lua_rawseti(L, FUNCTIONS, (int)w->task.function - FUNCTIONS_KEPT);
  }
  lua_pushvalue(L, -1);
  lua_rawseti(L, FUNCTIONS, (int)w->task.function);
}

/* ---- one item of a list
 * ------------------------------------------------------------------------------------------ */

static int push_arguments(lua_State *L, enum task_mode mode) {
  if (mode == TASK_MAP) return 1;
  lua_getfield(L, -1, "n");
  const int count = lua_isnumber(L, -1) ? (int)lua_tointeger(L, -1) : (int)lua_rawlen(L, -2);
  lua_pop(L, 1);
  luaL_checkstack(L, count + 1, "too many arguments");
  for (int i = 1; i <= count; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -count - 1);
  return count;
}

enum { MAP_FUNCTION = 1, MAP_COUNT, MAP_LIST, MAP_RESULTS, MAP_FAILURES, MAP_HANDLER };

static void run_item(lua_State *L, enum task_mode mode, int i) {
  lua_pushvalue(L, MAP_FUNCTION);
  lua_rawgeti(L, MAP_LIST, i);
  const int count = push_arguments(L, mode);
  if (lua_pcall(L, count, 1, MAP_HANDLER)) {
    struct vm *vm = vm_of(L);
    if (vm_should_stop(vm)) vm_raise_stop(L, vm);
    lua_rawseti(L, MAP_FAILURES, i);
  } else {
    lua_rawseti(L, MAP_RESULTS, i);
  }
}

/* function, count, list → count, results, failures or nil. The failures' handler stands above them. */
static int run_list(lua_State *L, struct pool_worker *w) {
  const int count = (int)lua_tointeger(L, MAP_COUNT);
  w->items = (uint64_t)count;
  lua_createtable(L, count, 0);
  lua_newtable(L);
  lua_pushcfunction(L, failure_handler);
  for (int i = 1; i <= count; i++) run_item(L, (enum task_mode)w->task.code, i);
  lua_settop(L, MAP_FAILURES);
  lua_remove(L, MAP_LIST);
  lua_remove(L, MAP_FUNCTION);
  return 3;
}

/* worker (light) → what is to be answered. Upvalue 1: the cache of functions. */
static int run_task(lua_State *L) {
  struct pool_worker *w = lua_touserdata(L, 1);
  lua_settop(L, 0);
  push_function(L, w);
  const int count = transfer_decode(L, w->message.data + sizeof w->task, w->message.size - sizeof w->task,
                                    TRANSFER_TRUSTED);
  ring_message_unload(&w->message); /* what the arguments carried is the task's own now */
  w->is_running = true;
  if (w->task.code != TASK_CALL) return run_list(L, w);
  lua_call(L, count, LUA_MULTRET);
  return lua_gettop(L);
}

/* ---- the answer
 * ---------------------------------------------------------------------------------------------------- */

struct answer {
  struct pool_worker *worker;
  enum task_outcome outcome;
};

/* answer (light), values… → nothing: encodes and puts. */
static int send_answer(lua_State *L) {
  const struct answer *a = lua_touserdata(L, 1);
  const struct envelope envelope = {.code = (uint8_t)a->outcome, .task = a->worker->task.task};
  struct parcel parcel;
  parcel_open(&parcel, &envelope, sizeof envelope);
  parcel_pack(L, &parcel, 2, lua_gettop(L) - 1, "result");
  const status st = parcel_put(a->worker->results, &parcel, deadline_never());
  parcel_settle(&parcel, st);
  if (st == STATUS_OK) return 0;
  char why[STATUS_TEXT_MAX];
  return luaL_error(L, "the result cannot be sent: %s", status_text(st, why));
}

/* The values above BASE are sent, and popped. On failure the error is on top, in their place. */
static int try_send(lua_State *L, struct pool_worker *w, enum task_outcome outcome) {
  struct answer answer = {w, outcome};
  const int count = lua_gettop(L) - BASE;
  luaL_checkstack(L, 2, "too many results");
  lua_pushcfunction(L, send_answer);
  lua_insert(L, BASE + 1);
  lua_pushlightuserdata(L, &answer);
  lua_insert(L, BASE + 2);
  return lua_pcall(L, count + 1, 0, 0);
}

static void send_failure(lua_State *L, struct pool_worker *w, enum task_outcome outcome) {
  if (try_send(L, w, outcome) == 0) return;
  failure_unsendable(L);
  if (try_send(L, w, outcome)) lua_error(L);
}

static int encode_probe(lua_State *L) {
  const struct bytes *text = transfer_encode(L, 1, 1, "result");
  message_discard(text->data, text->len);
  return 0;
}

/* Some result of a list cannot be sent: each that cannot becomes its item's failure. */
static void single_out_unsendable(lua_State *L, int results, int failures, int count) {
  for (int i = 1; i <= count; i++) {
    lua_pushcfunction(L, encode_probe);
    lua_rawgeti(L, results, i);
    if (lua_pcall(L, 1, 0, 0) == 0) continue;
    failure_unsendable(L);
    lua_rawseti(L, failures, i);
    lua_pushnil(L);
    lua_rawseti(L, results, i);
  }
}

/* count, results and failures stay on the stack until they went out: they may have to be looked through. */
static void send_list(lua_State *L, struct pool_worker *w) {
  const int count = (int)lua_tointeger(L, BASE + 1);
  struct answer answer = {w, OUTCOME_OK};
  lua_pushcfunction(L, send_answer);
  lua_pushlightuserdata(L, &answer);
  for (int i = 1; i <= 3; i++) lua_pushvalue(L, BASE + i);
  if (lua_pcall(L, 4, 0, 0) == 0) return;
  lua_pop(L, 1);
  single_out_unsendable(L, BASE + 2, BASE + 3, count);
  if (try_send(L, w, OUTCOME_OK)) send_failure(L, w, OUTCOME_FAILED);
}

static void answer_task(lua_State *L, struct pool_worker *w, int failed) {
  if (failed) {
    if (vm_should_stop(w->vm)) vm_raise_stop(L, w->vm);
    if (!w->is_running && lua_istable(L, -1)) {
      lua_pushliteral(L, "unsendable");
      lua_setfield(L, -2, "kind");
    }
    send_failure(L, w, OUTCOME_FAILED);
  } else if (w->task.code != TASK_CALL) {
    send_list(L, w);
  } else if (try_send(L, w, OUTCOME_OK)) {
    failure_unsendable(L);
    send_failure(L, w, OUTCOME_FAILED);
  }
  lua_settop(L, BASE);
}

/* ---- the loop
 * -------------------------------------------------------------------------------------------------------- */

static status take_task(lua_State *L, struct pool_worker *w) REQUIRES(rank_vm) {
  for (;;) {
    status st = ring_take_claimed(w->tasks, &w->inbox, &w->message, &w->cell->claim);
    if (st != STATUS_EMPTY) return st;
    vm_leave(w->vm);
    st = ring_wait_readable(w->tasks, NULL, deadline_never());
    vm_enter(w->vm);
    if (st == STATUS_INTERRUPTED && vm_should_stop(w->vm)) vm_raise_stop(L, w->vm);
  }
}

static void do_task(lua_State *L, struct pool_worker *w) {
  memcpy(&w->task, w->message.data, sizeof w->task);
  trace_take(w->tasks, &w->message);
  trace_mark_again(TRACE_TASK_START, w->task.task);
  w->is_running = false;
  w->items = 1;
  lua_pushvalue(L, CACHE);
  lua_pushcclosure(L, run_task, 1);
  lua_pushlightuserdata(L, w);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, HANDLER);
  answer_task(L, w, failed);
  ring_message_done(&w->message);
  bytes_trim(&w->inbox, 64 * 1024);
  trace_mark(TRACE_TASK_END);
}

static void initialize(lua_State *L, struct pool_worker *w, int count) {
  const int first = BASE + 1;
  if (count == 0 || lua_isnil(L, first)) {
    lua_settop(L, BASE);
    return;
  }
  if (lua_pcall(L, count - 1, 0, HANDLER) == 0) {
    if (try_send(L, w, OUTCOME_OK)) lua_error(L); /* task 0: this worker is ready */
    return;
  }
  if (vm_should_stop(w->vm)) vm_raise_stop(L, w->vm);
  send_failure(L, w, OUTCOME_INITIALIZER_FAILED);
  vm_raise_exit(L, w->vm, 1);
}

static uint64_t most_tasks(lua_State *L) {
  settings_push(L);
  lua_getfield(L, -1, "maxtasksperchild");
  const uint64_t most = lua_isnumber(L, -1) ? (uint64_t)lua_tonumber(L, -1) : UINT64_MAX;
  lua_pop(L, 2);
  return most;
}

/* Who uses a ring holds it: its sweeper settles what it was about there. */
static struct ring *ring_of(lua_State *L, object_ref ref) {
  struct object *object = NULL;
  if (commons_find(ref, OBJECT_RING, &object) || commons_hold(object)) luaL_error(L, "the pool is gone");
  return (struct ring *)(void *)object;
}

static int worker_gc(lua_State *L) {
  struct pool_worker *w = lua_touserdata(L, 1);
  ring_message_done(&w->message);
  bytes_fini(&w->inbox);
  if (w->tasks) commons_release(&w->tasks->object);
  if (w->results) commons_release(&w->results->object);
  return 0;
}

/* Kept in a userdata of its own, so that an error or a stop frees the message in hand. */
static struct pool_worker *push_pool_worker(lua_State *L) {
  struct pool_worker *w = lua_newuserdata(L, sizeof *w);
  *w = (struct pool_worker){.vm = vm_of(L)};
  lua_newtable(L);
  lua_pushcfunction(L, worker_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return w;
}

void pool_worker_loop(lua_State *L, const struct birth *birth, struct cell *cell, int count)
    REQUIRES(rank_vm) {
  struct pool_worker *w = push_pool_worker(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "manymoons.pool_worker");
  w->tasks = ring_of(L, birth->tasks);
  w->results = ring_of(L, birth->results);
  w->cell = cell;
  lua_pushcfunction(L, failure_handler);
  lua_insert(L, HANDLER);
  lua_newtable(L);
  lua_insert(L, CACHE);
  initialize(L, w, count);
  uint64_t left = most_tasks(L);
  while (left > 0 && take_task(L, w) == STATUS_OK) {
    do_task(L, w);
    atomic_store(&cell->claim, 0);
    left -= w->items < left ? w->items : left;
  }
}
