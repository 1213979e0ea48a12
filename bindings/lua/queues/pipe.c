/* SPDX-License-Identifier: MIT */
/* A connection is a pipe_end and what is needed to read from it.
 *
 * Values go as wire messages; bytes go behind one mark, so that recv_bytes and recv each refuse what was
 * meant for the other, by name, and take nothing.
 */
#include "queues/pipe.h"

#include <stdio.h>

#include "channel/pipe.h"
#include "core/arguments.h"
#include "core/shared_handle.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "queues/variants.h"
#include "state/parcel.h"
#include "state/transfer.h"
#include "state/weak_table.h"

struct connection {
  struct shared_handle shared;
  struct pipe_end *end;  /* the object; NULL once closed */
  struct ring *incoming; /* of the end, read from it once, for a peer may change its words; NULL: none */
  struct ring *outgoing; /* the same */
  object_ref reference;  /* of the end */
  uint32_t slot; /* the process that holds it for this handle; another one after a fork, until it is used */
  struct bytes inbox;
  struct ring_message message; /* received and not read yet */
  bool has_message;
  bool is_receiving; /* a caller of this VM waits in it, or decodes; another one is refused */
  bool never_waits;  /* serial */
  int notify_fd;     /* fileno; -1: nobody asked */
  int ways;          /* READABLE and WRITABLE */
};

/* The variants of connections: the fields `readable` and `writable` of an end, and `closed` (variants.h). */
enum connection_state { READABLE = 1, WRITABLE = 2, CLOSED = 4 };

static const char bytes_mark = 'B';

static const struct shared_type type; /* defined below the methods */

static void fill_state(lua_State *L, lua_Integer state) {
  lua_pushboolean(L, (state & READABLE) != 0);
  lua_setfield(L, -2, "readable");
  lua_pushboolean(L, (state & WRITABLE) != 0);
  lua_setfield(L, -2, "writable");
  lua_pushboolean(L, (state & CLOSED) != 0);
  lua_setfield(L, -2, "closed");
}

/* The connection at index 1; it may be closed. */
static struct connection *connection_at(lua_State *L) {
  struct connection *c = shared_handle_at(L, 1, &type, 1);
  return c ? c : class_check(L, 1, &type.class); /* raises */
}

static void close_notify_socket(struct connection *c) {
  if (c->notify_fd >= 0) notify_socket_close(c->notify_fd);
  c->notify_fd = -1;
}

/* True if this process holds the end for the handle. After a fork the child takes it over at the first use,
 * if it still lives. */
static bool take_over(struct connection *c) {
  if (c->slot == segment_slot()) return true;
  if (segment_claim(c->reference, OBJECT_PIPE_END)) return false;
  close_notify_socket(c); /* the parent's */
  c->slot = segment_slot();
  return true;
}

static struct connection *check_connection(lua_State *L, int index) {
  struct connection *c = shared_handle_check(L, index, &type);
  if (!take_over(c))
    luaL_error(L, "Connection: nobody holds this end any more; pass it to the worker that uses it");
  return c;
}

int pipe_new(lua_State *L) {
  const enum pipe_ways ways = lua_toboolean(L, 1) ? PIPE_BOTH_WAYS : PIPE_ONE_WAY;
  const bool never_waits = lua_toboolean(L, 2);
  struct connection *first = shared_handle_push(L, &type);
  struct connection *second = shared_handle_push(L, &type);
  struct pipe_end *ends[2];
  status st = pipe_make(&ends[0], &ends[1], ways);
  if (refusal_collected(L, st)) st = pipe_make(&ends[0], &ends[1], ways);
  if (st) return return_failure(L, st);
  shared_handle_take(L, &second->shared, &ends[1]->object);
  lua_pushvalue(L, -2);
  shared_handle_take(L, &first->shared, &ends[0]->object);
  lua_pop(L, 1);
  first->never_waits = second->never_waits = never_waits;
  return 2;
}

/* ---- waits of the only caller that has the other end ----------------------------------------- */

static const char users_key[] = "manymoons.connections"; /* its address is the key */

/* The connections of this VM, by the ring and what they do with it. [-0, +1, memory] */
static void push_users(lua_State *L) { weak_table_push_kept(L, users_key, "v", 0); }

enum ring_use { READS, WRITES };

/* An address within the ring, which is longer. */
static const void *key_of(const struct ring *r, enum ring_use use) { return (const char *)r + use; }

/* The connection on top is the one of this VM that was made last for its end. [-0, +0, memory] */
static void note_user(lua_State *L, const struct connection *c) {
  push_users(L);
  lua_pushvalue(L, -2);
  if (c->incoming)
    lua_rawsetp(L, -2, key_of(c->incoming, READS));
  else
    lua_pop(L, 1);
  lua_pushvalue(L, -2);
  if (c->outgoing)
    lua_rawsetp(L, -2, key_of(c->outgoing, WRITES));
  else
    lua_pop(L, 1);
  lua_pop(L, 1);
}

/* The other end of the ring, if this VM has it; NULL: it has not. [-0, +0, memory] */
static struct object *other_end(lua_State *L, const struct ring *r, enum ring_use use) {
  push_users(L);
  lua_rawgetp(L, -1, key_of(r, use));
  const struct connection *c = shared_handle_at(L, -1, &type, 1);
  lua_pop(L, 2);
  if (!c || !c->end || c->slot != segment_slot()) return NULL;
  return (use == READS ? c->incoming : c->outgoing) == r ? c->shared.object : NULL;
}

struct end_wait {
  enum trace_call call;
  wait_attempt attempt;
  void *context;
  const struct ring *ring;
  enum ring_use needs; /* what a caller with the other end has to do */
};

/* STATUS_DEADLOCK: nobody else can, and the wait has no deadline. Does not raise, but for memory. */
static status wait_for_other_end(lua_State *L, const struct connection *c, const struct end_wait *w,
                                 deadline until) REQUIRES(rank_vm) {
  struct object *other = deadline_is_never(until) ? other_end(L, w->ring, w->needs) : NULL;
  if (!other) return shared_handle_wait(L, &c->shared, w->call, w->attempt, w->context, until);
  struct object *own = c->shared.object;
  status st = segment_hold(own);
  if (st) return st;
  st = segment_hold(other);
  if (st == STATUS_OK) {
    const struct wait_for_others wait = {other, w->call, w->attempt, w->context};
    st = shared_handle_wait_for_others(L, &c->shared, &wait, until);
    segment_release(other);
  }
  segment_release(own);
  return st;
}

static void raise_wait(lua_State *L, status st, const char *method) {
  if (st == STATUS_DEADLOCK) waiting_refuse_alone(L, method, "other end");
  raise_if_stopped(L, st);
}

/* ---- sending --------------------------------------------------------------------------------- */

struct sending {
  struct ring *ring;
  struct parcel parcel;
};

static status attempt_send(void *context, deadline until) {
  const struct sending *s = context;
  return parcel_put(s->ring, &s->parcel, until);
}

static status send_parcel(lua_State *L, const struct connection *c, struct sending *s) REQUIRES(rank_vm) {
  if (!c->end) return STATUS_CLOSED; /* while the value was encoded */
  s->ring = c->outgoing;
  status st = attempt_send(s, deadline_now());
  if (st == STATUS_FULL && !(c->never_waits && waiting_is_endless(L, deadline_never()))) {
    parcel_keep(&s->parcel);
    const struct end_wait w = {TRACE_CALL_SEND, attempt_send, s, s->ring, READS};
    st = wait_for_other_end(L, c, &w, deadline_never());
  }
  parcel_settle(&s->parcel, st);
  return st;
}

static const struct connection *check_sender(lua_State *L, const char *method) {
  const struct connection *c = check_connection(L, 1);
  if (!c->outgoing) luaL_error(L, "Connection:%s: this end of a one-way pipe only receives", method);
  return c;
}

static int finish_send(lua_State *L, const struct connection *c, const struct sending *s, status st,
                       const char *method) {
  raise_wait(L, st, method);
  if (st == STATUS_FULL && c->never_waits) refuse_endless_wait(L, deadline_never(), method);
  if (!st) return return_status(L, st);
  return return_memory_failure(L, st, "Connection", s->parcel.record.head_size + s->parcel.record.body_size);
}

static int connection_send(lua_State *L) REQUIRES(rank_vm) {
  const struct connection *c = check_sender(L, "send");
  luaL_checkany(L, 2);
  struct sending sending;
  parcel_open(&sending.parcel, NULL, 0);
  parcel_pack(L, &sending.parcel, 2, 1, "value");
  return finish_send(L, c, &sending, send_parcel(L, c, &sending), "Connection:send");
}

/* A number of bytes, an argument of `method`. */
static size_t check_size(lua_State *L, int index, const char *method, const char *name) {
  const lua_Number most = 9007199254740992.0; /* that doubles count exactly */
  const lua_Number size = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : -1;
  if (!(size >= 0 && size <= most) || size != (lua_Number)(uint64_t)size)
    luaL_error(L, "Connection:%s: %s: a whole number, 0 or more, expected, got %s", method, name,
               argument_shown(L, index));
  return (size_t)size;
}

/* The bytes at index 2, from the offset at index 3 on, as many as index 4 says. */
static const char *check_bytes(lua_State *L, size_t *size) {
  if (lua_type(L, 2) != LUA_TSTRING)
    luaL_error(L, "Connection:send_bytes: string expected, got %s", luaL_typename(L, 2));
  size_t whole = 0;
  const char *data = lua_tolstring(L, 2, &whole);
  const size_t offset = lua_isnoneornil(L, 3) ? 0 : check_size(L, 3, "send_bytes", "offset");
  *size = lua_isnoneornil(L, 4) ? 0 : check_size(L, 4, "send_bytes", "size");
  if (offset > whole || *size > whole - offset)
    luaL_error(L, "Connection:send_bytes: %s bytes from offset %s on are not within its %d",
               lua_isnoneornil(L, 4) ? "0" : argument_shown(L, 4), argument_shown(L, 3), (int)whole);
  if (lua_isnoneornil(L, 4)) *size = whole - offset;
  return data + offset;
}

static int connection_send_bytes(lua_State *L) REQUIRES(rank_vm) {
  const struct connection *c = check_sender(L, "send_bytes");
  lua_settop(L, 4);
  size_t size = 0;
  const char *data = check_bytes(L, &size);
  lua_settop(L, 2);
  struct sending sending = {
      .parcel.record = {.head = &bytes_mark, .head_size = 1, .body = data, .body_size = size}};
  return finish_send(L, c, &sending, send_parcel(L, c, &sending), "Connection:send_bytes");
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Whether the task's connection was closed while it waited: that is the end of the stream. */
static bool was_closed_meanwhile(lua_State *L) {
  const struct connection *c = shared_handle_at(L, 1, &type, 1);
  return c && !c->end && waiting_has_waited(L);
}

static struct connection *check_receiver(lua_State *L, const char *method) {
  struct connection *c = check_connection(L, 1);
  if (c->is_receiving) luaL_error(L, "Connection:%s: another thread is receiving from it", method);
  if (!c->incoming) luaL_error(L, "Connection:%s: this end of a one-way pipe only sends", method);
  return c;
}

/* A wait may last longer than the end is open. */
struct receiving {
  struct connection *c;
  struct ring *ring;
};

static status attempt_receive(void *context, deadline until) {
  const struct receiving *r = context;
  return ring_take(r->ring, &r->c->inbox, &r->c->message, until);
}

/* The connection is closed, and nothing of it is in use any more. */
static void free_inbox(struct connection *c) {
  ring_message_done(&c->message);
  c->has_message = false;
  bytes_fini(&c->inbox);
}

/* It was closed while its caller waited, for whom the inbox was left. */
static status drop_received(struct connection *c) {
  free_inbox(c);
  return STATUS_CLOSED;
}

static status wait_for_message(lua_State *L, struct connection *c, deadline until, const char *method)
    REQUIRES(rank_vm) {
  struct receiving receiving = {c, c->incoming};
  const struct end_wait w = {TRACE_CALL_RECEIVE, attempt_receive, &receiving, c->incoming, WRITES};
  c->is_receiving = true;
  const status st = wait_for_other_end(L, c, &w, until);
  c->is_receiving = false;
  if (!c->end) return drop_received(c);
  if (st == STATUS_OK) trace_take_again(receiving.ring, &c->message);
  raise_wait(L, st, method);
  return st;
}

static status take_message(struct connection *c) {
  struct receiving receiving = {c, c->incoming};
  const status st = attempt_receive(&receiving, deadline_now());
  if (st == STATUS_OK) trace_take(receiving.ring, &c->message);
  return st;
}

/* Leaves the next message in c->message: STATUS_OK; STATUS_CLOSED at the end of file. True in
 * *would_wait: there is none yet, and the calling task should wait. */
static status fetch(lua_State *L, struct connection *c, deadline until, const char *method, bool *would_wait)
    REQUIRES(rank_vm) {
  *would_wait = false;
  if (c->has_message) return STATUS_OK;
  status st = take_message(c);
  if (st == STATUS_EMPTY && deadline_is_now(until)) {
    waiting_give_turn(L);
    if (c->has_message) return STATUS_OK;
    if (c->end) st = take_message(c);
  }
  const bool waits = st == STATUS_EMPTY && !deadline_is_now(until);
  if (waits && c->never_waits) refuse_endless_wait(L, until, method);
  *would_wait = waits && waiting_as_task(L, until);
  if (waits && !*would_wait) st = wait_for_message(L, c, until, method);
  c->has_message = st == STATUS_OK;
  return st == STATUS_EMPTY ? STATUS_TIMEOUT : st;
}

/* The descriptor is readable exactly while recv would not wait: silenced before the look,
 * rung again after it. */
static void settle_notify_socket(struct connection *c) {
  if (c->notify_fd < 0) return;
  notify_socket_clear(c->notify_fd);
  if (c->has_message || ring_count(c->incoming) || ring_is_closed(c->incoming))
    notify_socket_notify(atomic_load(&c->incoming->notify_socket));
}

static void release_message(struct connection *c) {
  ring_message_done(&c->message);
  c->has_message = false;
  bytes_trim(&c->inbox, 64 * 1024);
  if (c->end) settle_notify_socket(c);
}

static int push_value(lua_State *L) {
  const struct connection *c = lua_touserdata(L, 1);
  return transfer_decode(L, c->message.data, c->message.size);
}

static int push_bytes(lua_State *L) {
  const struct connection *c = lua_touserdata(L, 1);
  lua_pushlstring(L, (const char *)c->message.data + 1, c->message.size - 1);
  return 1;
}

/* The message is given back whether `push` succeeds or not. It may run code that closes the connection. */
static int finish_receive(lua_State *L, struct connection *c, lua_CFunction push) {
  lua_settop(L, 1);
  lua_pushcfunction(L, push);
  lua_insert(L, 1);
  c->is_receiving = true;
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  c->is_receiving = false;
  if (c->end)
    release_message(c);
  else
    free_inbox(c);
  return failed ? lua_error(L) : lua_gettop(L);
}

static bool is_of_bytes(const struct connection *c) {
  return c->message.size && c->message.data[0] == (uint8_t)bytes_mark;
}

static int receive_value(lua_State *L, deadline until) REQUIRES(rank_vm) {
  if (was_closed_meanwhile(L)) return return_failure(L, STATUS_CLOSED);
  struct connection *c = check_receiver(L, "recv");
  bool would_wait;
  const status st = fetch(L, c, until, "Connection:recv", &would_wait);
  if (would_wait) return waiting_again(L, WAIT_READY);
  if (st) return return_failure(L, st);
  if (is_of_bytes(c))
    return luaL_error(
        L, "Connection:recv: the next message was sent with send_bytes; receive it with recv_bytes");
  return finish_receive(L, c, push_value);
}

enum { LIMIT = 3 }; /* the argument of recv_bytes */

/* Whether the message has more bytes than the caller takes: then it stays. [-0, +0 or 2, memory] */
static bool is_beyond_limit(lua_State *L, const struct connection *c) {
  const size_t size = c->message.size - 1;
  const lua_Number limit = lua_isnoneornil(L, LIMIT) ? (lua_Number)SIZE_MAX : lua_tonumber(L, LIMIT);
  if ((lua_Number)size <= limit) return false;
  char text[96];
  snprintf(text, sizeof text, "too large: the next message has %zu bytes, and the limit is %.0f", size,
           limit);
  lua_pushnil(L);
  lua_pushstring(L, text);
  return true;
}

static int receive_bytes(lua_State *L, deadline until) REQUIRES(rank_vm) {
  if (was_closed_meanwhile(L)) return return_failure(L, STATUS_CLOSED);
  struct connection *c = check_receiver(L, "recv_bytes");
  bool would_wait;
  const status st = fetch(L, c, until, "Connection:recv_bytes", &would_wait);
  if (would_wait) return waiting_again(L, WAIT_READY);
  if (st) return return_failure(L, st);
  if (!is_of_bytes(c))
    return luaL_error(L, "Connection:recv_bytes: the next message was sent with send; receive it with recv");
  if (is_beyond_limit(L, c)) return 2;
  return finish_receive(L, c, push_bytes);
}

static int poll_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  status st = STATUS_CLOSED;
  if (!was_closed_meanwhile(L)) {
    struct connection *c = check_receiver(L, "poll");
    bool would_wait;
    st = fetch(L, c, until, "Connection:poll", &would_wait);
    if (would_wait) return waiting_again(L, WAIT_READY);
  }
  lua_pushboolean(L, st == STATUS_OK || st == STATUS_CLOSED);
  return 1;
}

static int connection_recv(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  return waiting_run(L, receive_value, argument_timeout(L, 2));
}

static int connection_recv_bytes(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  if (!lua_isnil(L, LIMIT)) (void)check_size(L, LIMIT, "recv_bytes", "limit");
  return waiting_run(L, receive_bytes, argument_timeout(L, 2));
}

/* True when recv would not wait: there is a message, or the end of file. Without a timeout
 * it does not wait. */
static int connection_poll(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  return waiting_run(L, poll_until, lua_isnoneornil(L, 2) ? deadline_now() : argument_timeout(L, 2));
}

/* A descriptor for a foreign event loop: readable while recv would not wait. Only to be polled; it
 * goes with the connection. */
static int connection_fileno(lua_State *L) {
  struct connection *c = check_receiver(L, "fileno");
  if (c->notify_fd < 0) {
    notify_name name = 0;
    const status st = notify_socket_open(&c->notify_fd, &name);
    if (st) return return_failure(L, st);
    ring_set_notify_socket(c->incoming, name);
    settle_notify_socket(c);
  }
  lua_pushinteger(L, c->notify_fd);
  return 1;
}

/* Before the handle is dropped. After a fork it may be the parent that held the end. */
static void let_go_of_end(struct connection *c) {
  const bool is_held = segment_has(c->end) && segment_holds(c->reference, OBJECT_PIPE_END);
  if (c->notify_fd >= 0 && is_held && c->slot == segment_slot()) ring_set_notify_socket(c->incoming, 0);
  if (!is_held) c->shared.object = NULL;
  c->end = NULL;
  c->incoming = c->outgoing = NULL;
}

static int connection_collect(lua_State *L) {
  struct connection *c = connection_at(L);
  if (!c->end) return 0;
  let_go_of_end(c);
  shared_handle_drop(&c->shared);
  close_notify_socket(c);
  if (!c->is_receiving) free_inbox(c);
  return 0;
}

static int connection_close(lua_State *L) REQUIRES(rank_vm) {
  struct connection *c = connection_at(L);
  if (!c->end) return 0;
  let_go_of_end(c);
  shared_handle_close(L, 1, c->notify_fd);
  close_notify_socket(c);
  if (!c->is_receiving) free_inbox(c);
  lua_settop(L, 1);
  variant_set(L, CLOSED | c->ways, fill_state);
  return 0;
}

static const luaL_Reg methods[] = {
    {"send", connection_send},
    {"send_bytes", connection_send_bytes},
    {"fileno", connection_fileno},
    {NULL, NULL},
};

static const struct waiting_entry waiting_methods[] = {{"recv", connection_recv, WAITING_FIXED},
                                                       {"recv_bytes", connection_recv_bytes, WAITING_FIXED},
                                                       {"poll", connection_poll, WAITING_FIXED},
                                                       {.name = NULL}};

/* ---- waiting among other things -------------------------------------------------------------- */

/* An end that only sends, a closed one and one that nobody holds never become ready: recv says why. */
static bool connection_is_ready(lua_State *L, int index) {
  struct connection *c = lua_touserdata(L, index);
  if (!c->end || !take_over(c) || !c->incoming) return true;
  return c->has_message || ring_is_readable(c->incoming);
}

static bool connection_watch(lua_State *L, int index, waker_set wakers) {
  const struct connection *c = lua_touserdata(L, index);
  return connection_is_ready(L, index) || ring_watch(c->incoming, wakers);
}

static const struct waitable waitable = {connection_is_ready, connection_watch, NULL};

/* ---- its type -------------------------------------------------------------------------------- */

static void init_connection(lua_State *L, void *handle) {
  struct connection *c = handle;
  (void)L;
  c->notify_fd = -1;
}

static void take_end(lua_State *L, void *handle) {
  struct connection *c = handle;
  c->end = (struct pipe_end *)(void *)c->shared.object;
  c->incoming = pipe_incoming(c->end);
  c->outgoing = pipe_outgoing(c->end);
  c->reference = segment_object_ref(c->shared.object);
  c->slot = segment_slot();
  c->ways = (c->incoming ? READABLE : 0) | (c->outgoing ? WRITABLE : 0);
  if (c->ways != (READABLE | WRITABLE)) variant_set(L, c->ways, fill_state);
  note_user(L, c);
}

static void extend_class(lua_State *L, const struct shared_type *own) {
  (void)own;
  lua_getfield(L, -1, "__index");
  fill_state(L, READABLE | WRITABLE);
  lua_pop(L, 1);
}

/* A forked child sends what it has taken over. */
static uint64_t connection_send_handle(lua_State *L, int index) {
  check_connection(L, index);
  return shared_handle_send(L, index);
}

static const struct shared_type type = {
    .travels = {.name = "Connection",
                .send = connection_send_handle,
                .receive = shared_handle_receive,
                .drop = message_refs_drop_reference},
    .class = {.name = "Connection",
              .key = "manymoons.Connection",
              .methods = methods,
              .close = connection_close,
              .collect = connection_collect,
              .waiting = waiting_methods,
              .waitable = &waitable},
    .number = HANDLE_CONNECTION,
    .kind = OBJECT_PIPE_END,
    .size = sizeof(struct connection),
    .gone = "close",
    .extend = extend_class,
    .init = init_connection,
    .take = take_end,
};

void connection_open(lua_State *L) { shared_handle_register(L, &type); }
