/* SPDX-License-Identifier: MIT */
/* I1  The values stand at head + 1 … tail in the list; a nil is stood for by `nothing`. Of a sorted queue
 *     they are a heap, at 1 … tail - head (local_heap.h).
 * I2  A waiter sleeps on the event of its kind, read under the VM's lock after it found nothing.
 *     Each put wakes one getter, each get one putter. A sleeper that leaves without having taken
 *     what it was woken for wakes the next.
 * I3  Of a joinable queue: `unfinished` counts what was put and is not done; what each thread took
 *     and did not report is in the list, under the address of its record.
 */
#include "queues/local_queue.h"

#include <limits.h>

#include "core/arguments.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "os/notify_socket.h"
#include "queues/local_heap.h"
#include "queues/maxsize.h"
#include "queues/priority.h"
#include "shared/segment.h"
#include "state/handle.h"
#include "state/vm_interrupt.h"
#include "state/weak_table.h"
#include "wire/handles.h"

enum event { PUT, TAKEN, DONE, EVENTS };

/* What tasks wait for until the event. */
static const enum wait_way ways[EVENTS] = {[PUT] = WAIT_ITEM, [TAKEN] = WAIT_ROOM, [DONE] = WAIT_DONE};

struct local_queue {
  const struct handle_class *class; /* no other userdata begins with one of the addresses below */
  lua_Integer head;
  lua_Integer tail;
  uint64_t passed; /* values that came and went before head and tail began anew */
  lua_Number max;  /* 0: no bound */
  bool is_closed;
  bool is_joinable;
  bool is_sorted;
  bool is_of_pipe; /* one direction of a pipe (queues/vm_pipe.lua), whose methods name themselves */
  lua_Integer unfinished;
  lua_Integer abandoned;      /* ever */
  lua_Integer abandoned_seen; /* when it was last joined */
  waker_set watchers;
  int notify_fd; /* fileno; -1: nobody asked */
  notify_name notify_name;
  futex_word events[EVENTS];
  int waiters[EVENTS];
  bool has_tasks[EVENTS]; /* tasks wait, or have waited, for it: the seam is called (core/waiting.h) */
};

static const char nothing = 'n';                           /* its address stands for nil in the list */
static const char joinables_key[] = "manymoons.joinables"; /* registry: a weak table of them */

enum flavor { QUEUE, SIMPLE_QUEUE, JOINABLE_QUEUE, PRIORITY_QUEUE, FLAVORS };
static const char *const flavor_names[] = {"Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue", NULL};

/* Both defined below the methods. */
static const struct handle_class classes[FLAVORS];
static const struct handle_type types[FLAVORS];

static void push_class(lua_State *L, enum flavor flavor) {
  if (!class_push(L, &classes[flavor])) return;
  class_set_pointer(L, HANDLE_FIELD, &types[flavor]);
  lua_getfield(L, -1, "__index");
  maxsize_declare(L);
  lua_pop(L, 1);
}

static struct local_queue *check_queue(lua_State *L) {
  struct local_queue *q = lua_touserdata(L, 1);
  if (!q || lua_islightuserdata(L, 1) || lua_rawlen(L, 1) != sizeof *q)
    return class_check(L, 1, &classes[QUEUE]);
  for (int i = 0; i < FLAVORS; i++)
    if (q->class == &classes[i]) return q;
  return class_check(L, 1, &classes[QUEUE]); /* raises */
}

static struct local_queue *check_flavor(lua_State *L, enum flavor flavor) {
  struct local_queue *q = check_queue(L);
  return q->class == &classes[flavor] ? q : class_check(L, 1, &classes[flavor]);
}

static struct local_queue *check_joinable(lua_State *L) { return check_flavor(L, JOINABLE_QUEUE); }
static void check_priority(lua_State *L) { (void)check_flavor(L, PRIORITY_QUEUE); }

static void note_joinable(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, joinables_key);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    weak_table_push(L, "k", 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, joinables_key);
  }
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

int local_queue_new(lua_State *L) {
  const enum flavor flavor = (enum flavor)luaL_checkoption(L, 1, NULL, flavor_names);
  const lua_Number max = luaL_optnumber(L, 2, 0);
  const bool is_of_pipe = lua_toboolean(L, 3);
  struct local_queue *q = lua_newuserdata(L, sizeof *q);
  memset(q, 0, sizeof *q);
  q->class = &classes[flavor];
  q->max = max;
  q->notify_fd = -1;
  q->is_joinable = flavor == JOINABLE_QUEUE;
  q->is_sorted = flavor == PRIORITY_QUEUE;
  q->is_of_pipe = is_of_pipe;
  push_class(L, flavor);
  lua_setmetatable(L, -2);
  maxsize_set(L, (lua_Integer)max);
  lua_newtable(L);
  lua_setcompanion(L, -2);
  if (q->is_joinable) note_joinable(L);
  return 1;
}

int local_queue_methods(lua_State *L) {
  push_class(L, (enum flavor)luaL_checkoption(L, 1, NULL, flavor_names));
  lua_getfield(L, -1, "__index");
  return 1;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void wake_threads(struct local_queue *q, enum event which, int count) {
  if (!q->waiters[which]) return;
  atomic_fetch_add(&q->events[which], 1);
  futex_wake(&q->events[which], count);
}

/* The queue is at index 1; its change is complete. [raises] */
static void wake(lua_State *L, struct local_queue *q, enum event which, enum wait_wake how) {
  wake_threads(q, which, how == WAKE_ALL ? INT_MAX : 1);
  if (q->has_tasks[which]) q->has_tasks[which] = waiting_wake(L, 1, ways[which], how);
}

/* Whether the task that found nothing has to wait for the event. */
static bool waits_as_task(lua_State *L, struct local_queue *q, enum event which, deadline until) {
  if (deadline_is_now(until) || !waiting_as_task(L, until)) return false;
  q->has_tasks[which] = true;
  return true;
}

static void ring(struct local_queue *q) {
  if (q->notify_fd >= 0) notify_socket_notify(q->notify_name);
  const waker_set watchers = q->watchers;
  q->watchers = 0;
  if (watchers) wakers_wake(segment_wakers(), watchers);
}

struct nap {
  futex_word *event;
  uint32_t seen;
};

static status attempt_nap(void *context, deadline until) {
  const struct nap *nap = context;
  return futex_wait(nap->event, nap->seen, until);
}

/* A wait without a deadline ends with STATUS_DEADLOCK once no other thread is left. */
static status sleep_for(lua_State *L, struct local_queue *q, enum event which, deadline until)
    REQUIRES(rank_vm) {
  static const enum trace_call calls[] = {
      [PUT] = TRACE_CALL_GET, [TAKEN] = TRACE_CALL_PUT, [DONE] = TRACE_CALL_JOIN};
  struct nap nap = {&q->events[which], atomic_load(&q->events[which])};
  q->waiters[which]++;
  const status st = wait_for_other_threads(L, calls[which], attempt_nap, &nap, until);
  q->waiters[which]--;
  return st;
}

static void refuse_alone(lua_State *L, const struct local_queue *q, const char *method) {
  if (q->is_of_pipe) waiting_refuse_alone(L, lua_tostring(L, 3), "other end");
  lua_getmetatable(L, 1);
  lua_getfield(L, -1, "__name");
  const char *class = lua_tostring(L, -1);
  lua_pushfstring(L, "%s:%s", class, method);
  waiting_refuse_alone(L, lua_tostring(L, -1), class);
}

static void raise(lua_State *L, const struct local_queue *q, status st, const char *method) {
  if (st == STATUS_DEADLOCK) refuse_alone(L, q, method);
  raise_if_stopped(L, st);
}

/* ---- put ------------------------------------------------------------------------------------- */

static bool is_full(const struct local_queue *q) {
  return q->max > 0 && (lua_Number)(q->tail - q->head) >= q->max;
}

static status wait_for_room(lua_State *L, struct local_queue *q, deadline until) REQUIRES(rank_vm) {
  while (!q->is_closed && is_full(q)) {
    if (deadline_is_now(until)) return STATUS_FULL;
    const status st = sleep_for(L, q, TAKEN, until);
    if (st == STATUS_OK || (st == STATUS_DEADLOCK && !is_full(q))) continue; /* taken by the last one */
    if (!is_full(q)) wake_threads(q, TAKEN, 1);
    return st;
  }
  return q->is_closed ? STATUS_CLOSED : STATUS_OK;
}

/* Adds the value on top to the list below it. [-2, +0, memory] */
static void add_value(lua_State *L, const struct local_queue *q) {
  if (q->is_sorted)
    local_heap_add(L, PRIORITY_KEY, q->tail - q->head, (lua_Integer)q->passed + q->tail + 1);
  else
    lua_rawseti(L, -2, (int)(q->tail + 1));
  lua_pop(L, 1);
}

static int put_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct local_queue *q = check_queue(L);
  luaL_checkany(L, 2);
  if (deadline_is_now(until) && !q->is_closed && is_full(q)) waiting_give_turn(L);
  if (!q->is_closed && is_full(q) && waits_as_task(L, q, TAKEN, until)) return waiting_would_wait(WAIT_ROOM);
  const status st = wait_for_room(L, q, until);
  raise(L, q, st, "put");
  if (st) return return_failure(L, st);
  lua_getcompanion(L, 1);
  if (lua_isnil(L, 2))
    lua_pushlightuserdata(L, (void *)(uintptr_t)&nothing);
  else
    lua_pushvalue(L, 2);
  add_value(L, q);
  q->tail++;
  trace_local(TRACE_PUT, q, q->passed + (uint64_t)q->tail);
  q->unfinished++;
  ring(q);
  wake(L, q, PUT, WAKE_ONE);
  lua_pushboolean(L, 1);
  return 1;
}

static int queue_put(lua_State *L) REQUIRES(rank_vm) {
  return waiting_run(L, put_until, argument_timeout(L, 3));
}
static int queue_put_nowait(lua_State *L) REQUIRES(rank_vm) { return put_until(L, deadline_now()); }

static int priority_put(lua_State *L) REQUIRES(rank_vm) {
  check_priority(L);
  priority_arguments(L);
  return queue_put(L);
}
static int priority_put_nowait(lua_State *L) REQUIRES(rank_vm) {
  check_priority(L);
  priority_arguments(L);
  return queue_put_nowait(L);
}

/* ---- get ------------------------------------------------------------------------------------- */

static status wait_for_value(lua_State *L, struct local_queue *q, deadline until) REQUIRES(rank_vm) {
  while (q->head == q->tail) {
    if (q->is_closed) return STATUS_CLOSED;
    if (deadline_is_now(until)) return STATUS_EMPTY;
    const status st = sleep_for(L, q, PUT, until);
    if (st == STATUS_OK || (st == STATUS_DEADLOCK && q->head != q->tail)) continue; /* put by the last one */
    if (q->head != q->tail) wake_threads(q, PUT, 1);
    return st;
  }
  return STATUS_OK;
}

/* Adds to what this thread owes. The companion is on top. */
static void owe(lua_State *L, int change) {
  const void *key = vm_self(vm_of(L));
  lua_rawgetp(L, -1, key);
  const lua_Integer owed = lua_tointeger(L, -1) + change;
  lua_pop(L, 1);
  if (owed)
    lua_pushinteger(L, owed);
  else
    lua_pushnil(L);
  lua_rawsetp(L, -2, key);
}

/* Takes the next value of the list on top, and pushes it. Returns its number. [-0, +1, memory] */
static uint64_t take_value(lua_State *L, const struct local_queue *q) {
  if (q->is_sorted) return (uint64_t)local_heap_take(L, q->tail - q->head);
  lua_rawgeti(L, -1, (int)(q->head + 1));
  lua_pushnil(L);
  lua_rawseti(L, -3, (int)(q->head + 1));
  return q->passed + (uint64_t)q->head + 1;
}

/* An empty list starts again at one, so that the numbers stay small. */
static void take_first(lua_State *L, struct local_queue *q) {
  lua_getcompanion(L, 1);
  if (q->is_joinable) owe(L, 1);
  trace_local(TRACE_TAKE, q, take_value(L, q));
  q->head++;
  if (q->head == q->tail) {
    q->passed += (uint64_t)q->head;
    q->head = q->tail = 0;
  }
  if (lua_touserdata(L, -1) == &nothing) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

static void settle_notify_socket(const struct local_queue *q) {
  if (q->notify_fd < 0 || q->head != q->tail || q->is_closed) return;
  notify_socket_clear(q->notify_fd);
}

static int get_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct local_queue *q = check_queue(L);
  const bool is_empty = q->head == q->tail && !q->is_closed;
  if (is_empty && waits_as_task(L, q, PUT, until)) return waiting_would_wait(WAIT_ITEM);
  const status st = wait_for_value(L, q, until);
  raise(L, q, st, "get");
  if (st) return return_failure(L, st);
  take_first(L, q);
  if (!q->is_joinable) q->unfinished--;
  settle_notify_socket(q);
  wake(L, q, TAKEN, WAKE_ONE);
  return 1;
}

static bool is_empty(const struct local_queue *q) { return q->head == q->tail; }

/* _take(): what is there, without a turn for tasks: for the pool. */
static int queue_take(lua_State *L) REQUIRES(rank_vm) { return get_until(L, deadline_now()); }

static int queue_get_nowait(lua_State *L) REQUIRES(rank_vm) {
  const struct local_queue *q = check_queue(L);
  if (is_empty(q) && !q->is_closed) waiting_give_turn(L);
  return queue_take(L);
}
static int queue_get(lua_State *L) REQUIRES(rank_vm) {
  const deadline until = argument_timeout(L, 2);
  return deadline_is_now(until) ? queue_get_nowait(L) : waiting_run(L, get_until, until);
}

static int iterate(lua_State *L) REQUIRES(rank_vm) {
  lua_settop(L, 1);
  return waiting_run(L, get_until, deadline_never());
}

static int queue_iter(lua_State *L) {
  check_queue(L);
  waiting_push_iterator(L, iterate);
  return 1;
}

/* ---- looking and closing --------------------------------------------------------------------- */

static int queue_qsize(lua_State *L) {
  const struct local_queue *q = check_queue(L);
  waiting_give_turn(L);
  lua_pushinteger(L, q->tail - q->head);
  return 1;
}

static int queue_empty(lua_State *L) {
  const struct local_queue *q = check_queue(L);
  if (is_empty(q)) waiting_give_turn(L);
  lua_pushboolean(L, is_empty(q));
  return 1;
}

static int queue_full(lua_State *L) {
  const struct local_queue *q = check_queue(L);
  if (is_full(q)) waiting_give_turn(L);
  lua_pushboolean(L, is_full(q));
  return 1;
}

static int queue_close(lua_State *L) {
  struct local_queue *q = check_queue(L);
  q->is_closed = true;
  ring(q);
  wake(L, q, PUT, WAKE_ALL);
  wake(L, q, TAKEN, WAKE_ALL);
  return 0;
}

static int queue_gc(lua_State *L) {
  struct local_queue *q = check_queue(L);
  if (q->notify_fd >= 0) notify_socket_close(q->notify_fd);
  q->notify_fd = -1;
  return 0;
}

/* For connections: a descriptor that is readable while get would not wait. */
static int queue_fileno(lua_State *L) {
  struct local_queue *q = check_queue(L);
  if (q->notify_fd < 0) {
    const status st = notify_socket_open(&q->notify_fd, &q->notify_name);
    if (st) return return_failure(L, st);
    if (q->head != q->tail || q->is_closed) notify_socket_notify(q->notify_name);
  }
  lua_pushinteger(L, q->notify_fd);
  return 1;
}

/* ---- JoinableQueue --------------------------------------------------------------------------- */

static void finish(struct local_queue *q, lua_Integer count) {
  q->unfinished -= count;
  if (q->unfinished == 0) wake_threads(q, DONE, INT_MAX);
}

static int queue_task_done(lua_State *L) {
  struct local_queue *q = check_joinable(L);
  if (q->unfinished <= q->tail - q->head)
    return luaL_error(L, "JoinableQueue:task_done: called more often than get");
  lua_getcompanion(L, 1);
  owe(L, -1);
  finish(q, 1);
  if (q->unfinished == 0 && q->has_tasks[DONE]) q->has_tasks[DONE] = waiting_wake(L, 1, WAIT_DONE, WAKE_ALL);
  return 0;
}

static int join_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct local_queue *q = check_joinable(L);
  if (q->unfinished && deadline_is_now(until)) waiting_give_turn(L);
  if (q->unfinished && waits_as_task(L, q, DONE, until)) return waiting_would_wait(WAIT_DONE);
  while (q->unfinished) {
    const status st = deadline_is_now(until) ? STATUS_TIMEOUT : sleep_for(L, q, DONE, until);
    raise(L, q, st, "join");
    if (st) return return_failure(L, st);
  }
  lua_pushboolean(L, 1);
  if (q->abandoned == q->abandoned_seen) return 1;
  q->abandoned_seen = q->abandoned;
  lua_pushliteral(L, "abandoned");
  return 2;
}

static int queue_join(lua_State *L) REQUIRES(rank_vm) {
  return waiting_run(L, join_until, argument_timeout(L, 2));
}

/* The queue is on top. Others may have reported in its place: never more is abandoned than is out. */
static void abandon(lua_State *L, const struct vm_thread *t) {
  struct local_queue *q = lua_touserdata(L, -1);
  lua_getcompanion(L, -1);
  lua_rawgetp(L, -1, t);
  lua_Integer owed = lua_tointeger(L, -1);
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
  const lua_Integer out = q->unfinished - (q->tail - q->head);
  if (owed > out) owed = out;
  if (owed <= 0) return;
  q->abandoned += owed;
  finish(q, owed);
  if (q->unfinished == 0 && q->has_tasks[DONE]) q->has_tasks[DONE] = waiting_wake(L, -1, WAIT_DONE, WAKE_ALL);
}

void local_queue_forget_thread(lua_State *L, const struct vm_thread *t) {
  lua_getfield(L, LUA_REGISTRYINDEX, joinables_key);
  if (lua_istable(L, -1)) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
      lua_pop(L, 1);
      abandon(L, t);
    }
  }
  lua_pop(L, 1);
}

/* ---- the classes ----------------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    {"put_nowait", queue_put_nowait},
    {"get_nowait", queue_get_nowait},
    {"iter", queue_iter},
    {"qsize", queue_qsize},
    {"empty", queue_empty},
    {"full", queue_full},
    {"_fileno", queue_fileno},
    {"_take", queue_take},
    {NULL, NULL},
};

static const luaL_Reg priority_methods[] = {
    {"put_nowait", priority_put_nowait},
    {NULL, NULL},
};

static const luaL_Reg joinable_methods[] = {
    {"task_done", queue_task_done},
    {NULL, NULL},
};

static const struct waiting_entry waiting_methods[] = {
    {"put", queue_put, WAITING_COUNTED}, {"get", queue_get, WAITING_FIXED}, {.name = NULL}};
static const struct waiting_entry priority_waiting[] = {
    {"put", priority_put, WAITING_COUNTED}, {"get", queue_get, WAITING_FIXED}, {.name = NULL}};
static const struct waiting_entry joinable_waiting[] = {{"put", queue_put, WAITING_COUNTED},
                                                        {"get", queue_get, WAITING_FIXED},
                                                        {"join", queue_join, WAITING_FIXED},
                                                        {.name = NULL}};

static bool queue_is_ready(lua_State *L, int index) {
  const struct local_queue *q = lua_touserdata(L, index);
  return q->head != q->tail || q->is_closed;
}

static bool queue_watch(lua_State *L, int index, waker_set wakers) {
  struct local_queue *q = lua_touserdata(L, index);
  q->watchers |= wakers;
  return queue_is_ready(L, index);
}

static const struct waitable waitable = {queue_is_ready, queue_watch, NULL};

#define CLASS(name_of, key_of, more_of, waiting_of)                                                    \
  {                                                                                                    \
    .name = (name_of), .key = (key_of), .methods = methods, .close = queue_close, .collect = queue_gc, \
    .more = (more_of), .waiting = (waiting_of), .waitable = &waitable                                  \
  }

static const struct handle_class classes[FLAVORS] = {
    [QUEUE] = CLASS("Queue", "manymoons.LocalQueue", NULL, waiting_methods),
    [SIMPLE_QUEUE] = CLASS("SimpleQueue", "manymoons.LocalSimpleQueue", NULL, waiting_methods),
    [JOINABLE_QUEUE] =
        CLASS("JoinableQueue", "manymoons.LocalJoinableQueue", joinable_methods, joinable_waiting),
    [PRIORITY_QUEUE] =
        CLASS("PriorityQueue", "manymoons.LocalPriorityQueue", priority_methods, priority_waiting),
};

static uint64_t refuse_to_send(lua_State *L, int index) {
  (void)index;
  return (uint64_t)luaL_error(
      L, "a queue of the world threads cannot leave its VM: its values are shared, not copied");
}

static void receive_nothing(lua_State *L, const struct handle_type *type, uint64_t reference) {
  (void)type;
  (void)reference;
  luaL_error(L, "a queue of the world threads cannot be received");
}

static void keep_nothing(uint64_t reference) { (void)reference; }

#define STAYS(class) \
  { .name = (class), .send = refuse_to_send, .receive = receive_nothing, .drop = keep_nothing }
static const struct handle_type types[FLAVORS] = {
    [QUEUE] = STAYS("Queue"),
    [SIMPLE_QUEUE] = STAYS("SimpleQueue"),
    [JOINABLE_QUEUE] = STAYS("JoinableQueue"),
    [PRIORITY_QUEUE] = STAYS("PriorityQueue"),
};

static const int numbers[FLAVORS] = {
    [QUEUE] = HANDLE_LOCAL_QUEUE,
    [SIMPLE_QUEUE] = HANDLE_LOCAL_SIMPLE_QUEUE,
    [JOINABLE_QUEUE] = HANDLE_LOCAL_JOINABLE_QUEUE,
    [PRIORITY_QUEUE] = HANDLE_LOCAL_PRIORITY_QUEUE,
};

void local_queue_open(lua_State *L) {
  for (int i = 0; i < FLAVORS; i++) handle_register(L, numbers[i], &types[i]);
}
