/* SPDX-License-Identifier: MIT */
/* A stream is a descriptor and its inbox: the bytes that were received and not yet taken. */
#include "net/socket.h"

#include <errno.h>

#include <string.h>

#include "base/bytes.h"
#include "channel/message_refs.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "os/status_text.h"
#include "os/stream.h"
#include "shared/descriptor.h"
#include "state/handle.h"
#include "wire/handles.h"

struct stream {
  int fd;                  /* -1: closed */
  bool is_closed;          /* it was open, and is not any more */
  bool is_receiving;       /* a thread of this VM waits for bytes, without the VM's lock */
  unsigned uses;           /* waits for the descriptor: the last one closes it */
  int left;                /* the descriptor of a closed stream that is in use; -1: none */
  struct stream_file file; /* of a listener at a path */
  struct bytes inbox;
  size_t taken; /* bytes at the beginning of the inbox */
  int64_t patience_ns;
  size_t most;    /* bytes that an attempt without a wait reads, about: a fast peer has no end */
  bool was_ahead; /* the last receive left bytes in the inbox, so more may have arrived */
};

enum { PATIENCE_LEAST_NS = 2000, PATIENCE_MOST_NS = 50000 };
enum { READ_AT_ONCE = 64 * 1024, INBOX_KEPT = 256 * 1024, LOOKUP_SECONDS = 20 };

static const struct handle_class class;
static const struct handle_type travels;

static struct stream *check_stream(lua_State *L) {
  struct stream *s = class_check(L, 1, &class);
  if (s->fd < 0) luaL_error(L, "Connection: used after close");
  return s;
}

static struct stream *push_stream(lua_State *L) {
  struct stream *s = lua_newuserdata(L, sizeof *s);
  *s = (struct stream){.fd = -1, .left = -1, .most = SIZE_MAX};
  if (class_push(L, &class)) class_set_pointer(L, HANDLE_FIELD, &travels);
  lua_setmetatable(L, -2);
  return s;
}

void stream_open(lua_State *L) { handle_register(L, HANDLE_STREAM, &travels); }

/* ---- closing --------------------------------------------------------------------------------- */

/* A descriptor is closed when no thread waits for it any more: its number might be another file's by then. */
static void end_use(struct stream *s) {
  if (--s->uses > 0 || !s->is_closed) return;
  stream_close(s->left);
  s->left = -1;
  bytes_fini(&s->inbox);
}

static void let_go(struct stream *s) {
  s->left = s->fd;
  s->fd = -1;
  s->is_closed = true;
  s->uses++;
  end_use(s);
}

static int socket_collect(lua_State *L) {
  struct stream *s = lua_touserdata(L, 1);
  if (s->fd >= 0) let_go(s);
  return 0;
}

/* Other processes may have the same connection open, so it is not shut down. */
static int socket_close_method(lua_State *L) REQUIRES(rank_vm) {
  struct stream *s = class_check(L, 1, &class);
  if (s->fd < 0) return 0;
  const int fd = s->fd;
  s->uses++;
  let_go(s);
  waiting_close(L, 1, &s->is_closed, fd);
  end_use(s);
  return 0;
}

/* Waits, beside which other threads of this VM may close the stream: STATUS_CLOSED. */
static status wait_in_stream(lua_State *L, struct stream *s, enum trace_call call, wait_attempt attempt,
                             void *context, deadline until) REQUIRES(rank_vm) {
  s->uses++;
  const status st = wait_in_handle(L, &s->is_closed, call, attempt, context, until);
  const bool is_closed = s->is_closed;
  end_use(s);
  return st && is_closed ? STATUS_CLOSED : st;
}

/* ---- making ---------------------------------------------------------------------------------- */

static int return_address_failure(lua_State *L, status st, const char *address) {
  if (st != STATUS_MALFORMED) return return_failure(L, st == STATUS_TOO_LARGE ? -ENAMETOOLONG : st);
  lua_pushnil(L);
  lua_pushfstring(L, "no such address: %s", address);
  return 2;
}

static status attempt_resolve(void *address, deadline until) { return address_resolve(address, until); }

/* Listens at the address, once its host is found. */
static status listen_at(lua_State *L, struct address *a, struct stream *s, char *bound) REQUIRES(rank_vm) {
  const status st = wait_for(L, TRACE_CALL_WAIT, attempt_resolve, a, deadline_after(LOOKUP_SECONDS));
  return st ? st : stream_listen(a, &s->fd, bound, &s->file);
}

int socket_listen_call(lua_State *L) REQUIRES(rank_vm) {
  const char *text = luaL_checkstring(L, 1);
  char bound[ADDRESS_TEXT_MAX] = "";
  struct stream *s = push_stream(L);
  struct address *a = NULL;
  status st = address_open(text, ADDRESS_TO_LISTEN, &a);
  if (st == STATUS_OK) st = listen_at(L, a, s, bound);
  address_close(a);
  raise_if_stopped(L, st);
  if (st) return return_address_failure(L, st, text);
  lua_pushstring(L, bound);
  return 2;
}

struct connecting {
  struct stream_dial dial;
  int *fd;
};

static status attempt_connect(void *context, deadline until) {
  struct connecting *c = context;
  return stream_dial_go_on(&c->dial, until, c->fd);
}

int socket_connect_call(lua_State *L) REQUIRES(rank_vm) {
  const char *address = luaL_checkstring(L, 1);
  const deadline until = argument_timeout(L, 2);
  struct stream *s = push_stream(L);
  struct connecting c = {.fd = &s->fd};
  status st = stream_dial_begin(&c.dial, address);
  if (st == STATUS_OK) {
    st = wait_for(L, TRACE_CALL_WAIT, attempt_connect, &c, until);
    stream_dial_end(&c.dial);
  }
  raise_if_stopped(L, st);
  return st ? return_address_failure(L, st, address) : 1;
}

/* forget(address): removes the file that listening there has made. [-0, +0, raises] */
static int socket_forget_method(lua_State *L) {
  const struct stream *s = check_stream(L);
  stream_forget_file(luaL_checkstring(L, 2), &s->file);
  return 0;
}

/* accept() → a stream; or nil, "EAGAIN: …" if no client waits. [-0, +1 or 2, raises] */
static int socket_accept_method(lua_State *L) {
  const struct stream *listener = check_stream(L);
  struct stream *s = push_stream(L);
  const status st = stream_accept(listener->fd, &s->fd);
  return st ? return_failure(L, st) : 1;
}

/* ---- sending --------------------------------------------------------------------------------- */

struct sending {
  int fd;
  const char *data;
  size_t size;
};

static status attempt_send(void *context, deadline until) {
  struct sending *s = context;
  for (;;) {
    size_t sent = 0;
    const status st = stream_send(s->fd, s->data, s->size, &sent);
    s->data += sent;
    s->size -= sent;
    if (st || s->size == 0) return st;
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status waited = stream_wait(s->fd, true, until);
    if (waited) return waited;
  }
}

/* send(bytes, timeout, from) → true if the system has taken all bytes after the first `from`; or
 * nil, why, and how many bytes of the string have been sent. [-0, +1 or 3, raises] */
static int socket_send_method(lua_State *L) REQUIRES(rank_vm) {
  struct stream *stream = check_stream(L);
  size_t size = 0;
  const char *data = luaL_checklstring(L, 2, &size);
  const deadline until = argument_timeout(L, 3);
  const size_t from = (size_t)luaL_optnumber(L, 4, 0);
  luaL_argcheck(L, from <= size, 4, "beyond the bytes");
  struct sending s = {stream->fd, data + from, size - from};
  status st = attempt_send(&s, deadline_now());
  if (st == STATUS_TIMEOUT && !deadline_is_now(until))
    st = wait_in_stream(L, stream, TRACE_CALL_SEND, attempt_send, &s, until);
  raise_if_stopped(L, st);
  if (st == STATUS_OK) return return_status(L, st);
  return_failure(L, st);
  lua_pushinteger(L, (lua_Integer)(size - s.size));
  return 3;
}

/* ---- receiving ------------------------------------------------------------------------------- */

struct receiving {
  struct stream *stream;
  int fd;
  size_t wanted;
};

/* The inbox grows with the bytes received, not with the size that a header announces. */
static status read_some(struct stream *s, int fd) {
  if (s->taken) {
    memmove(s->inbox.data, s->inbox.data + s->taken, s->inbox.len - s->taken);
    s->inbox.len -= s->taken;
    s->taken = 0;
  }
  status st = bytes_reserve(&s->inbox, READ_AT_ONCE);
  if (st) return st;
  size_t received = 0;
  st = stream_receive(fd, s->inbox.data + s->inbox.len, s->inbox.cap - s->inbox.len, &received);
  s->inbox.len += received;
  return st;
}

static bool has_enough(const struct receiving *r) {
  return r->stream->inbox.len - r->stream->taken >= r->wanted;
}

static status attempt_receive(void *context, deadline until) {
  const struct receiving *r = context;
  const size_t before = r->stream->inbox.len - r->stream->taken;
  while (!has_enough(r)) {
    const bool is_over = deadline_is_now(until) && r->stream->inbox.len - before >= r->stream->most;
    const status st = is_over ? -EAGAIN : read_some(r->stream, r->fd);
    if (st == -EAGAIN && deadline_is_now(until)) return STATUS_TIMEOUT;
    const status waited = st == -EAGAIN ? stream_wait(r->fd, false, until) : st;
    if (waited) return waited;
  }
  r->stream->was_ahead = r->stream->inbox.len - r->stream->taken > r->wanted;
  return STATUS_OK;
}

/* Polls for `patience_ns` before sleeping: waking an idle processor takes longer than polling
 * for an answer that comes soon. */
static status look_for_a_while(const struct receiving *r) {
  const int64_t start = clock_now_ns();
  status st = STATUS_TIMEOUT;
  while (st == STATUS_TIMEOUT && clock_now_ns() - start < r->stream->patience_ns)
    st = attempt_receive((void *)(uintptr_t)r, deadline_now());
  int64_t *patience = &r->stream->patience_ns;
  *patience = st == STATUS_OK                     ? PATIENCE_MOST_NS
              : *patience / 2 > PATIENCE_LEAST_NS ? *patience / 2
                                                  : PATIENCE_LEAST_NS;
  return st;
}

/* For callers that wait for an answer. */
static status attempt_wait_and_receive(void *context, deadline until) {
  const struct receiving *r = context;
  status st = look_for_a_while(r);
  if (st != STATUS_TIMEOUT) return st;
  st = stream_wait(r->fd, false, until);
  return st ? st : attempt_receive(context, until);
}

static status wait_and_receive(lua_State *L, struct receiving *r, wait_attempt attempt, deadline until)
    REQUIRES(rank_vm) {
  r->stream->is_receiving = true;
  const status st = wait_in_stream(L, r->stream, TRACE_CALL_RECEIVE, attempt, r, until);
  r->stream->is_receiving = false;
  return st;
}

static status receive(lua_State *L, struct receiving *r, deadline until, bool *would_wait) REQUIRES(rank_vm) {
  const bool is_task = waiting_as_task(L, until);
  const bool looks = is_task || has_enough(r) || r->stream->was_ahead || deadline_is_now(until);
  status st =
      looks ? attempt_receive(r, deadline_now()) : wait_and_receive(L, r, attempt_wait_and_receive, until);
  *would_wait = is_task && st == STATUS_TIMEOUT;
  if (looks && st == STATUS_TIMEOUT && !is_task && !deadline_is_now(until))
    st = wait_and_receive(L, r, attempt_receive, until);
  raise_if_stopped(L, st);
  return st;
}

/* Whether the task's stream was closed while it waited: that is the end of the stream. */
static bool was_closed_meanwhile(lua_State *L) {
  const struct stream *s = class_check(L, 1, &class);
  return s->is_closed && waiting_has_waited(L);
}

static struct receiving check_receiving(lua_State *L, size_t wanted) {
  struct stream *s = check_stream(L);
  if (s->is_receiving) luaL_error(L, "Connection: another thread is receiving from it");
  return (struct receiving){s, s->fd, wanted};
}

static int receive_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  if (was_closed_meanwhile(L)) return return_failure(L, STATUS_CLOSED);
  struct receiving r = check_receiving(L, (size_t)luaL_checknumber(L, 2));
  struct stream *s = r.stream;
  bool would_wait;
  const status st = receive(L, &r, until, &would_wait);
  if (would_wait) return waiting_again(L, WAIT_READABLE);
  if (st) return return_failure(L, st);
  if (s->is_closed) return return_failure(L, STATUS_CLOSED); /* and its inbox is gone */
  lua_pushlstring(L, (const char *)s->inbox.data + s->taken, r.wanted);
  s->taken += r.wanted;
  if (s->taken < s->inbox.len) return 1;
  s->taken = s->inbox.len = 0;
  bytes_trim(&s->inbox, INBOX_KEPT);
  return 1;
}

static int wait_until_ready(lua_State *L, deadline until) REQUIRES(rank_vm) {
  status st = STATUS_CLOSED;
  if (!was_closed_meanwhile(L)) {
    struct receiving r = check_receiving(L, 1);
    bool would_wait;
    st = receive(L, &r, until, &would_wait);
    if (would_wait) return waiting_again(L, WAIT_READABLE);
  }
  lua_pushboolean(L, st != STATUS_TIMEOUT);
  return 1;
}

/* receive(n, timeout) → n bytes; or nil and why, and the received bytes stay for the next call.
 * [-0, +1 or 2, raises] */
static int socket_receive_method(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  return waiting_run(L, receive_until, argument_timeout(L, 3));
}

/* ready(timeout) → whether receive would return at once, with bytes or at the end of the stream.
 * [-0, +1, raises] */
static int socket_ready_method(lua_State *L) REQUIRES(rank_vm) {
  waiting_begin(L);
  return waiting_run(L, wait_until_ready, argument_timeout(L, 2));
}

/* has_some() → whether the inbox has bytes, of which the descriptor does not tell.
 * [-0, +1, raises] */
static int socket_has_some_method(lua_State *L) {
  const struct stream *s = check_stream(L);
  lua_pushboolean(L, s->inbox.len > s->taken);
  return 1;
}

/* ---- travelling ------------------------------------------------------------------------------ */

/* A copy of the descriptor travels, with the bytes that were received and not taken. */
static uint64_t send_stream(lua_State *L, int index) {
  const struct stream *s = lua_touserdata(L, index);
  char text[STATUS_TEXT_MAX];
  object_ref ref = 0;
  if (s->fd < 0) luaL_error(L, "Connection: sent after close");
  const size_t unread = s->inbox.len - s->taken;
  const status st = descriptor_send(s->fd, unread ? s->inbox.data + s->taken : NULL, unread, &ref);
  if (st == STATUS_FULL) luaL_error(L, "Connection: too many connections are under way and not received");
  if (st) luaL_error(L, "Connection: %s", status_text(st, text));
  return ref;
}

static void receive_stream(lua_State *L, const struct handle_type *type, uint64_t ref) {
  struct stream *s = push_stream(L);
  char text[STATUS_TEXT_MAX];
  const status st = descriptor_receive(ref, &s->fd, &s->inbox);
  if (st) luaL_error(L, "%s: %s", type->name, status_text(st, text));
}

static const struct handle_type travels = {.name = "Connection",
                                           .send = send_stream,
                                           .receive = receive_stream,
                                           .drop = message_refs_drop_reference};

/* ---- more methods ---------------------------------------------------------------------------- */

static int socket_fileno_method(lua_State *L) {
  lua_pushinteger(L, check_stream(L)->fd);
  return 1;
}

static int socket_is_own_user_method(lua_State *L) {
  lua_pushboolean(L, stream_is_own_user(check_stream(L)->fd));
  return 1;
}

static int socket_is_local_user_method(lua_State *L) {
  lua_pushboolean(L, stream_is_local_user(check_stream(L)->fd));
  return 1;
}

/* limit(bytes): a receive without a wait reads about so many at most, and then says "timeout".
 * [-0, +0, raises] */
static int socket_limit_method(lua_State *L) {
  struct stream *s = check_stream(L);
  s->most = (size_t)luaL_checknumber(L, 2);
  return 0;
}

static int socket_is_scarce_method(lua_State *L) {
  lua_pushboolean(L, stream_is_scarce(check_stream(L)->fd));
  return 1;
}

/* peer() → the other side's host; "" of a Unix socket. [-0, +1, memory] */
static int socket_peer_method(lua_State *L) {
  char peer[STREAM_PEER_MAX];
  stream_peer(check_stream(L)->fd, peer);
  lua_pushstring(L, peer);
  return 1;
}

/* shut_down(): ends the connection, also for processes that were forked since. Waits for it end; the
 * stream stays open. [-0, +0, raises] */
static int socket_shut_down_method(lua_State *L) {
  const struct stream *s = class_check(L, 1, &class);
  stream_shut_down(s->fd);
  return 0;
}

static const luaL_Reg methods[] = {{"accept", socket_accept_method},
                                   {"send", socket_send_method},
                                   {"has_some", socket_has_some_method},
                                   {"fileno", socket_fileno_method},
                                   {"is_own_user", socket_is_own_user_method},
                                   {"is_local_user", socket_is_local_user_method},
                                   {"limit", socket_limit_method},
                                   {"is_scarce", socket_is_scarce_method},
                                   {"peer", socket_peer_method},
                                   {"forget", socket_forget_method},
                                   {"shut_down", socket_shut_down_method},
                                   {NULL, NULL}};
static const struct waiting_entry waiting_methods[] = {{"receive", socket_receive_method, WAITING_FIXED},
                                                       {"ready", socket_ready_method, WAITING_FIXED},
                                                       {.name = NULL}};
static const struct handle_class class = {.name = "Connection",
                                          .key = "manymoons.Stream",
                                          .methods = methods,
                                          .close = socket_close_method,
                                          .collect = socket_collect,
                                          .waiting = waiting_methods};
