/* SPDX-License-Identifier: MIT */
/* Queue, SimpleQueue, JoinableQueue and PriorityQueue: put and get are ring_put and ring_take around an
 * encoder and a decoder.
 *
 * A value is encoded in the caller's put, before the ring is touched: what cannot be sent raises
 * there and leaves the queue as it was, and later changes to a table are not seen by the receiver.
 * A value is decoded after it was taken: one that cannot be decoded raises in that get alone.
 *
 * A JoinableQueue keeps account (shared/unfinished.h) of what was taken and not reported with
 * task_done. What a process leaves unreported when it ends is abandoned by the sweeper; what a VM
 * leaves, by its handle. For that a handle that owes reports is anchored in the registry, so that
 * it goes with its VM and not before.
 */
#include "queues/queue.h"

#include <errno.h>
#include <stdio.h>

#include "core/lazy_methods.h"
#include "core/shared_handle.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "queues/maxsize.h"
#include "queues/priority.h"
#include "shared/holds.h"
#include "shared/ring.h"
#include "state/parcel.h"
#include "state/scalar.h"
#include "state/transfer.h"

struct queue {
  struct shared_handle shared; /* closed by its collection */
  struct ring *ring;           /* the object */
  bool never_waits;            /* serial: nobody else could ever end a wait */
  int64_t owed;                /* JoinableQueue: taken by this handle and not reported by it */
  uint32_t epoch;              /* the process that owes it; another one after a fork */
  uint64_t abandoned;          /* how many were abandoned when this handle last joined */
};

enum flavor { QUEUE, SIMPLE_QUEUE, JOINABLE_QUEUE, PRIORITY_QUEUE, FLAVORS };
static const char *const flavor_names[] = {"Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue", NULL};

static const struct shared_type types[FLAVORS]; /* defined below the methods */

/* NULL: the value is no queue. */
static struct queue *queue_at(lua_State *L, int index) { return shared_handle_at(L, index, types, FLAVORS); }

static struct queue *check_queue(lua_State *L) { return shared_handle_check_any(L, 1, types, FLAVORS); }

static void check_priority(lua_State *L) { (void)shared_handle_check(L, 1, &types[PRIORITY_QUEUE]); }

static status make_ring(lua_State *L, struct shared_handle *h, struct ring_bounds bounds) {
  struct ring *ring = NULL;
  status st = ring_make(&ring, bounds, RING_GROWS);
  if (refusal_collected(L, st)) st = ring_make(&ring, bounds, RING_GROWS);
  if (st) return st;
  shared_handle_take(L, h, &ring->object);
  atomic_store(&ring->object.purpose, PURPOSE_QUEUE);
  if (h->type == &types[PRIORITY_QUEUE]) ring_sort(ring);
  return h->type == &types[JOINABLE_QUEUE] ? ring_count_unfinished(ring) : STATUS_OK;
}

/* The arguments were checked (bindings/lua/api.lua). */
int queue_new(lua_State *L) {
  const enum flavor flavor = (enum flavor)luaL_checkoption(L, 1, NULL, flavor_names);
  const lua_Number maxsize = luaL_optnumber(L, 2, 0);
  const bool never_waits = lua_toboolean(L, 3);
  const lua_Number max_bytes = luaL_optnumber(L, 4, 0);
  struct queue *q = shared_handle_push(L, &types[flavor]);
  q->never_waits = never_waits;
  const status st = make_ring(L, &q->shared, (struct ring_bounds){(uint64_t)maxsize, (uint64_t)max_bytes});
  return st ? return_memory_failure(L, st, NULL, sizeof(struct ring)) : 1;
}

int queue_methods(lua_State *L) {
  shared_handle_push_class(L, &types[luaL_checkoption(L, 1, NULL, flavor_names)]);
  lua_getfield(L, -1, "__index");
  return 1;
}

/* A wait that another user of the queue has to end. */
static status wait_for_others(lua_State *L, const struct queue *q, enum trace_call call, wait_attempt attempt,
                              void *context, deadline until) REQUIRES(rank_vm) {
  struct object *held = &q->ring->object;
  const status st = segment_hold(held);
  if (st) return st;
  const status waited = shared_handle_wait_for_others(
      L, &q->shared, &(struct wait_for_others){held, call, attempt, context}, until);
  segment_release(held);
  return waited;
}

/* ---- put ------------------------------------------------------------------------------------- */

struct put {
  struct ring *ring;
  struct parcel parcel;
};

static status attempt_put(void *context, deadline until) {
  const struct put *put = context;
  return parcel_put(put->ring, &put->parcel, until);
}

static status put_waiting(lua_State *L, const struct queue *q, struct put *put, deadline until)
    REQUIRES(rank_vm) {
  parcel_keep(&put->parcel);
  return wait_for_others(L, q, TRACE_CALL_PUT, attempt_put, put, until);
}

static status put_after_turn(lua_State *L, struct put *put) {
  parcel_keep(&put->parcel);
  const status st = waiting_try_turn(L);
  if (st == STATUS_EMPTY) return STATUS_FULL;
  return st ? st : attempt_put(put, deadline_now());
}

/* Why a value of so many bytes is not in the queue. */
static int return_put(lua_State *L, const struct queue *q, status st, size_t size) {
  const char *name = q->shared.type->class.name;
  if (st == -ENOMEM) return return_memory_failure(L, st, name, size);
  if (st != STATUS_TOO_LARGE) return return_status(L, st);
  char text[160];
  const uint64_t max_bytes = q->ring->max_bytes;
  const bool is_bound =
      max_bytes && size > max_bytes; /* else by the segment, which ulimit -f may make small */
  snprintf(text, sizeof text, "too large: %s: a value of %zu bytes; %s is %llu", name, size,
           is_bound ? "max_bytes" : "the shared memory",
           (unsigned long long)(is_bound ? max_bytes : segment_mapping()->size));
  lua_pushnil(L);
  lua_pushstring(L, text);
  return 2;
}

static void refuse_in_serial(lua_State *L, const struct queue *q, deadline until, const char *method) {
  lua_pushfstring(L, "%s:%s", q->shared.type->class.name, method);
  refuse_endless_wait(L, until, lua_tostring(L, -1));
  lua_pop(L, 1);
}

static int put_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct queue *q = check_queue(L);
  luaL_checkany(L, 2);
  struct put put;
  put.ring = q->ring;
  parcel_open(&put.parcel, NULL, 0);
  if (ring_is_sorted(q->ring)) parcel_sort(&put.parcel, priority_key(L));
  parcel_pack(L, &put.parcel, 2, 1, "value");
  const size_t size = put.parcel.record.head_size + put.parcel.record.body_size;
  status st = attempt_put(&put, deadline_now());
  if (st == STATUS_FULL && deadline_is_now(until)) st = put_after_turn(L, &put);
  const bool is_refused = st == STATUS_FULL && q->never_waits && waiting_is_endless(L, until);
  if (st == STATUS_FULL && !deadline_is_now(until) && !is_refused) st = put_waiting(L, q, &put, until);
  parcel_settle(&put.parcel, st);
  if (is_refused) refuse_in_serial(L, q, until, "put");
  shared_handle_raise(L, &q->shared, st, "put");
  return return_put(L, q, st, size);
}

static int queue_put(lua_State *L) REQUIRES(rank_vm) { return put_until(L, argument_timeout(L, 3)); }
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

/* Each thread has an inbox of its own. A message left in it is that of a get whose decoding raised. */
struct get {
  struct ring *ring;
  struct vm_thread *self;
};

static status attempt_take(void *context, deadline until) {
  const struct get *get = context;
  return ring_take(get->ring, &get->self->inbox, &get->self->message, until);
}

/* The handle at index 1 owes so many reports more. The copy of a handle in a forked child owes
 * nothing at first. */
static void owe(lua_State *L, struct queue *q, int count) {
  if (q->epoch != segment_epoch()) q->owed = 0;
  q->epoch = segment_epoch();
  q->owed += count;
  lua_pushlightuserdata(L, q);
  if (q->owed > 0)
    lua_pushvalue(L, 1);
  else
    lua_pushnil(L);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static int get_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct queue *q = check_queue(L);
  struct vm_thread *self = vm_self(vm_of(L));
  struct get get = {q->ring, self};
  ring_message_done(&self->message);
  status st = attempt_take(&get, deadline_now());
  if (st == STATUS_EMPTY && !deadline_is_now(until)) {
    if (q->never_waits) refuse_in_serial(L, q, until, "get");
    if (waiting_as_task(L, until)) return waiting_would_wait(WAIT_READY);
    st = wait_for_others(L, q, TRACE_CALL_GET, attempt_take, &get, until);
    if (st == STATUS_OK) trace_take_again(get.ring, &self->message);
    shared_handle_raise(L, &q->shared, st, "get");
  } else if (st == STATUS_OK) {
    trace_take(q->ring, &self->message);
  }
  if (st) return return_failure(L, st);
  if (q->ring && q->ring->unfinished) owe(L, q, 1);
  const int count = transfer_decode(L, self->message.data, self->message.size);
  ring_message_done(&self->message);
  bytes_trim(&self->inbox, 64 * 1024);
  return count;
}

static int queue_get_nowait(lua_State *L) REQUIRES(rank_vm) {
  const struct queue *q = check_queue(L);
  if (!ring_is_readable(q->ring)) waiting_give_turn(L);
  return get_until(L, deadline_now());
}
static int queue_get(lua_State *L) REQUIRES(rank_vm) {
  const deadline until = argument_timeout(L, 2);
  return deadline_is_now(until) ? queue_get_nowait(L) : waiting_run(L, get_until, until);
}

static int iterate(lua_State *L) REQUIRES(rank_vm) {
  lua_settop(L, 1);
  return waiting_run(L, get_until, deadline_never());
}

/* for v in q:iter() do: until the queue is closed and drained. A nil in the queue ends it too: put values. */
static int queue_iter(lua_State *L) {
  check_queue(L);
  waiting_push_iterator(L, iterate);
  return 1;
}

/* ---- several at a time ----------------------------------------------------------------------- */

/* Adds the value on top of the stack. False: it is no scalar, or too long for the batch. */
static bool add_scalar(lua_State *L, struct ring_batch *batch) {
  uint8_t head[SCALAR_HEAD_MAX];
  const char *text = NULL;
  size_t text_size = 0;
  const size_t size = scalar_write(L, -1, head, &text, &text_size);
  const struct ring_record record = {.head = head, .head_size = size, .body = text, .body_size = text_size};
  return size > 0 && ring_batch_add(batch, &record);
}

static void fill_batch(lua_State *L, int list, lua_Integer from, lua_Integer last, struct ring_batch *batch) {
  batch->count = batch->size = 0;
  for (bool fits = true; fits && from + batch->count <= last;) {
    lua_rawgeti(L, list, (int)(from + batch->count));
    fits = add_scalar(L, batch);
    lua_pop(L, 1);
  }
}

int queue_put_batch(lua_State *L) {
  const struct queue *q = check_queue(L);
  const lua_Integer last = luaL_checkinteger(L, 4);
  lua_Integer from = luaL_checkinteger(L, 3);
  struct ring_batch batch;
  status st = trace_is_on() || ring_is_sorted(q->ring) ? STATUS_FULL : STATUS_OK;
  while (st == STATUS_OK && from <= last) {
    uint32_t put = 0;
    fill_batch(L, 2, from, last, &batch);
    if (batch.count == 0) break;
    st = ring_put_batch(q->ring, &batch, &put);
    from += put;
  }
  lua_pushinteger(L, from);
  return 1;
}

/* Takes messages into the list on top of the stack, which has room for them, behind the `count` that it has.
 * Returns how many it has then. */
static int take_batches(lua_State *L, struct ring *r, int count, int most) {
  struct ring_batch batch;
  while (count < most) {
    uint32_t at = 0;
    if (ring_take_batch(r, &batch, (uint64_t)(most - count), scalar_is_plain) || batch.count == 0) break;
    while (at < batch.size) {
      const struct ring_record record = ring_batch_next(&batch, &at);
      if (!scalar_push(L, record.body, record.body_size)) luaL_error(L, "malformed message");
      lua_rawseti(L, -2, ++count);
    }
  }
  return count;
}

/* Nothing is allocated once a message is taken, so none is lost with an error. */
int queue_take_batch(lua_State *L) {
  enum { MOST = 1 << 16 };
  const struct queue *q = check_queue(L);
  const lua_Number wanted = luaL_checknumber(L, 2);
  const int first = lua_gettop(L) > 2;
  const bool takes = !trace_is_on() && !ring_is_sorted(q->ring) && !q->ring->unfinished;
  const uint64_t there = takes ? ring_count(q->ring) : 0;
  const int most = (int)(there < MOST ? there : MOST);
  const int room = wanted - first < most ? (int)wanted - first : most;
  lua_createtable(L, room + first, 1);
  lua_pushinteger(L, 0);
  lua_setfield(L, -2, "n");
  if (first) {
    lua_pushvalue(L, 3);
    lua_rawseti(L, -2, 1);
  }
  lua_pushliteral(L, "n");
  lua_insert(L, -2);
  const int count = take_batches(L, q->ring, first, room + first);
  lua_insert(L, -2);
  lua_pushinteger(L, count);
  lua_rawset(L, -3);
  return 1;
}

/* ---- looking and closing --------------------------------------------------------------------- */

static int queue_qsize(lua_State *L) {
  const struct queue *q = check_queue(L);
  waiting_give_turn(L);
  lua_pushinteger(L, (lua_Integer)ring_count(q->ring));
  return 1;
}

static int queue_empty(lua_State *L) {
  const struct queue *q = check_queue(L);
  if (ring_count(q->ring) == 0) waiting_give_turn(L);
  lua_pushboolean(L, ring_count(q->ring) == 0);
  return 1;
}

static int queue_full(lua_State *L) {
  const struct queue *q = check_queue(L);
  if (ring_is_full(q->ring)) waiting_give_turn(L);
  lua_pushboolean(L, ring_is_full(q->ring));
  return 1;
}

static int queue_close(lua_State *L) {
  ring_close(check_queue(L)->ring);
  return 0;
}

/* The handle goes; the queue stays for the other handles. */
static int queue_collect(lua_State *L) {
  struct queue *q = queue_at(L, 1);
  if (!q || !q->ring) return 0;
  if (q->owed > 0 && q->epoch == segment_epoch()) ring_abandon(q->ring, (uint32_t)q->owed);
  shared_handle_drop(&q->shared);
  q->ring = NULL;
  return 0;
}

/* ---- JoinableQueue --------------------------------------------------------------------------- */

static struct queue *check_joinable(lua_State *L) {
  return shared_handle_check(L, 1, &types[JOINABLE_QUEUE]);
}

static int queue_task_done(lua_State *L) {
  struct queue *q = check_joinable(L);
  if (!ring_report_done(q->ring)) luaL_error(L, "JoinableQueue:task_done: called more often than get");
  owe(L, q, -1);
  return 0;
}

struct join {
  struct ring *ring;
  uint64_t abandoned;
};

static status attempt_join(void *context, deadline until) {
  struct join *join = context;
  return ring_wait_done(join->ring, &join->abandoned, until);
}

/* queue:join(timeout) → true; true, "abandoned"; or nil, "timeout" */
static int queue_join(lua_State *L) REQUIRES(rank_vm) {
  struct queue *q = check_joinable(L);
  const deadline until = argument_timeout(L, 2);
  struct join join = {.ring = q->ring};
  status st = attempt_join(&join, deadline_now());
  if (st == STATUS_TIMEOUT) {
    if (q->never_waits) refuse_in_serial(L, q, until, "join");
    st = wait_for_others(L, q, TRACE_CALL_JOIN, attempt_join, &join, until);
    shared_handle_raise(L, &q->shared, st, "join");
  }
  if (st || join.abandoned == q->abandoned) return return_status(L, st);
  q->abandoned = join.abandoned;
  lua_pushboolean(L, 1);
  lua_pushliteral(L, "abandoned");
  return 2;
}

static const luaL_Reg methods[] = {
    {"put", queue_put},
    {"put_nowait", queue_put_nowait},
    {"get_nowait", queue_get_nowait},
    {"iter", queue_iter},
    {"qsize", queue_qsize},
    {"empty", queue_empty},
    {"full", queue_full},
    {NULL, NULL},
};

static const struct waiting_entry waiting_methods[] = {{"get", queue_get, WAITING_FIXED}, {.name = NULL}};

static const luaL_Reg priority_methods[] = {
    {"put", priority_put},
    {"put_nowait", priority_put_nowait},
    {NULL, NULL},
};

static const luaL_Reg joinable_methods[] = {
    {"task_done", queue_task_done},
    {"join", queue_join},
    {NULL, NULL},
};

/* ---- waiting among other things -------------------------------------------------------------- */

static bool queue_is_ready(lua_State *L, int index) {
  const struct queue *q = lua_touserdata(L, index);
  return !q->ring || ring_is_readable(q->ring);
}

static bool queue_watch(lua_State *L, int index, waker_set wakers) {
  const struct queue *q = lua_touserdata(L, index);
  return !q->ring || ring_watch(q->ring, wakers);
}

static const struct waitable waitable = {queue_is_ready, queue_watch, NULL};

static void extend_class(lua_State *L, UNUSED const struct shared_type *type) {
  lua_getfield(L, -1, "__index");
  maxsize_declare(L);
  lazy_methods_complete(L);
  lua_pop(L, 1);
}

/* ---- its types ------------------------------------------------------------------------------- */

static void init_queue(lua_State *L, void *handle) {
  struct queue *q = handle;
  (void)L;
  q->epoch = segment_epoch();
}

static void take_ring(lua_State *L, void *handle) {
  struct queue *q = handle;
  q->ring = (struct ring *)(void *)q->shared.object;
  maxsize_set(L, (lua_Integer)q->ring->max_messages);
}

#define TYPE(handle, text, more_methods)                                                               \
  {                                                                                                    \
    .travels = SHARED_TRAVELS(text),                                                                   \
    .class = {.name = (text),                                                                          \
              .key = "manymoons." text,                                                                \
              .methods = methods,                                                                      \
              .close = queue_close,                                                                    \
              .collect = queue_collect,                                                                \
              .more = (more_methods),                                                                  \
              .waiting = waiting_methods,                                                              \
              .waitable = &waitable},                                                                  \
    .number = (handle), .kind = OBJECT_RING, .size = sizeof(struct queue), .gone = "it was collected", \
    .extend = extend_class, .init = init_queue, .take = take_ring                                      \
  }

static const struct shared_type types[FLAVORS] = {
    [QUEUE] = TYPE(HANDLE_QUEUE, "Queue", NULL),
    [SIMPLE_QUEUE] = TYPE(HANDLE_SIMPLE_QUEUE, "SimpleQueue", NULL),
    [JOINABLE_QUEUE] = TYPE(HANDLE_JOINABLE_QUEUE, "JoinableQueue", joinable_methods),
    [PRIORITY_QUEUE] = TYPE(HANDLE_PRIORITY_QUEUE, "PriorityQueue", priority_methods),
};

void queue_open(lua_State *L) {
  for (int i = 0; i < FLAVORS; i++) shared_handle_register(L, &types[i]);
}
