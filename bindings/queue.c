/* SPDX-License-Identifier: MIT */
/* Queue:put and Queue:get are ring_put and ring_take around an encoder and a decoder.
 *
 * A value is encoded in the caller's put, before the ring is touched: what cannot be sent raises there and
 * leaves the queue as it was, and later changes to a table are not seen by the receiver. A value is decoded
 * after it was taken: one that cannot be decoded raises in that get alone.
 */
#include "queue.h"

#include "channel/message.h"
#include "handles.h"
#include "os/clock.h"
#include "shared/ring.h"
#include "state/handle.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

struct queue {
  struct ring *ring; /* NULL once closed by this handle's collection */
  struct bytes inbox;
  struct ring_message message; /* taken and not given back yet: of a get whose decoding raised */
  bool never_waits;            /* serial: nobody else could ever end a wait */
};

static const struct handle_class class; /* defined below its methods */

static struct queue *check_queue(lua_State *L) {
  struct queue *q = class_check(L, 1, &class);
  if (!q->ring) luaL_error(L, "Queue: used after it was collected");
  return q;
}

static struct queue *push_queue(lua_State *L) {
  struct queue *q = lua_newuserdata(L, sizeof *q);
  *q = (struct queue){0};
  luaL_getmetatable(L, class.key);
  lua_setmetatable(L, -2);
  return q;
}

int queue_new(lua_State *L) {
  const lua_Number maxsize = luaL_optnumber(L, 1, 0);
  luaL_argcheck(L, maxsize >= 0 && maxsize < 9e15, 1, "Queue: maxsize must be 0 (no bound) or more");
  struct queue *q = push_queue(L);
  q->never_waits = lua_toboolean(L, 2);
  const status st = ring_make(&q->ring, (uint64_t)maxsize, RING_GROWS);
  return st ? return_failure(L, st) : 1;
}

/* ---- put -------------------------------------------------------------------------------------------------
 */

static void refuse_endless_wait(lua_State *L, const struct queue *q, deadline until, const char *method) {
  if (q->never_waits && deadline_is_never(until))
    luaL_error(L, "Queue:%s would wait for ever in the serial world", method);
}

static int put_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct queue *q = check_queue(L);
  luaL_checkany(L, 2);
  struct vm *vm = vm_of(L);
  const struct bytes *text = transfer_encode(L, 2, 1, "value");
  const struct ring_letter letter = {NULL, 0, text->data, text->len};
  status st = ring_put(q->ring, &letter, deadline_now());
  if (st == STATUS_FULL && !deadline_is_now(until)) {
    refuse_endless_wait(L, q, until, "put");
    do {
      vm_leave(vm);
      st = ring_put(q->ring, &letter, wait_slice(L, until));
      vm_enter(vm);
    } while (is_wait_unfinished(L, vm, st, until));
  }
  if (st) message_discard(text->data, text->len);
  raise_if_stopped(L, vm, st);
  return return_status(L, st);
}

static int queue_put(lua_State *L) REQUIRES(rank_vm) { return put_until(L, argument_timeout(L, 3)); }
static int queue_put_nowait(lua_State *L) REQUIRES(rank_vm) { return put_until(L, deadline_now()); }

/* ---- get -------------------------------------------------------------------------------------------------
 */

static status take_waiting(lua_State *L, struct queue *q, deadline until) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  status st = STATUS_EMPTY;
  do {
    vm_leave(vm);
    st = ring_take(q->ring, &q->inbox, &q->message, wait_slice(L, until));
    vm_enter(vm);
  } while (is_wait_unfinished(L, vm, st, until));
  raise_if_stopped(L, vm, st);
  return st;
}

static int get_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct queue *q = check_queue(L);
  ring_message_done(&q->message);
  status st = ring_take(q->ring, &q->inbox, &q->message, deadline_now());
  if (st == STATUS_EMPTY && !deadline_is_now(until)) {
    refuse_endless_wait(L, q, until, "get");
    st = take_waiting(L, q, until);
  }
  if (st) return return_failure(L, st);
  const int count = transfer_decode(L, q->message.data, q->message.size, TRANSFER_TRUSTED);
  ring_message_done(&q->message);
  bytes_trim(&q->inbox, 64 * 1024);
  return count;
}

static int queue_get(lua_State *L) REQUIRES(rank_vm) { return get_until(L, argument_timeout(L, 2)); }
static int queue_get_nowait(lua_State *L) REQUIRES(rank_vm) { return get_until(L, deadline_now()); }

static int iterate(lua_State *L) REQUIRES(rank_vm) {
  lua_settop(L, 1);
  return get_until(L, deadline_never());
}

/* for v in q:iter() do: until the queue is closed and drained. A nil in the queue ends it too: put values. */
static int queue_iter(lua_State *L) {
  check_queue(L);
  lua_pushcfunction(L, iterate);
  lua_pushvalue(L, 1);
  return 2;
}

/* ---- looking and closing ----------------------------------------------------------------------------------
 */

static int queue_qsize(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ring_count(check_queue(L)->ring));
  return 1;
}

static int queue_empty(lua_State *L) {
  lua_pushboolean(L, ring_count(check_queue(L)->ring) == 0);
  return 1;
}

static int queue_full(lua_State *L) {
  lua_pushboolean(L, ring_is_full(check_queue(L)->ring));
  return 1;
}

static int queue_close(lua_State *L) {
  ring_close(check_queue(L)->ring);
  return 0;
}

/* The handle goes; the queue stays for whoever else has one. */
static int queue_gc(lua_State *L) {
  struct queue *q = class_check(L, 1, &class);
  if (!q->ring) return 0;
  ring_message_done(&q->message);
  bytes_fini(&q->inbox);
  commons_release(&q->ring->object);
  q->ring = NULL;
  return 0;
}

static const luaL_Reg methods[] = {
    {"put", queue_put},
    {"get", queue_get},
    {"put_nowait", queue_put_nowait},
    {"get_nowait", queue_get_nowait},
    {"iter", queue_iter},
    {"qsize", queue_qsize},
    {"empty", queue_empty},
    {"full", queue_full},
    {"close", queue_close},
    {NULL, NULL},
};

static const struct handle_class class = {"Queue", "manymoons.Queue", methods, queue_gc};

/* ---- travelling
 * --------------------------------------------------------------------------------------------- */

static uint64_t queue_send(lua_State *L, int index) {
  const struct queue *q = class_check(L, index, &class);
  if (!q->ring) luaL_error(L, "Queue: sent after it was collected");
  commons_send(&q->ring->object);
  return commons_object_ref(&q->ring->object);
}

static void queue_receive(lua_State *L, uint64_t reference) {
  struct queue *q = push_queue(L);
  struct object *object = NULL;
  status st = commons_find(reference, OBJECT_RING, &object);
  if (st == STATUS_OK) st = commons_receive(object);
  char text[STATUS_TEXT_MAX];
  if (st) luaL_error(L, "Queue: %s", status_text(st, text));
  q->ring = (struct ring *)(void *)object;
}

void queue_open(lua_State *L) {
  static const struct handle_type type = {"Queue", queue_send, queue_receive, message_copy_reference,
                                          message_drop_reference};
  class_register(L, &class);
  luaL_getmetatable(L, class.key);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&type);
  lua_setfield(L, -2, "__mm_handle");
  lua_pop(L, 1);
  handle_register(L, HANDLE_QUEUE, &type);
}
