/* SPDX-License-Identifier: MIT */
#include "async/loop.h"

#include <errno.h>

#include "core/arguments.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "os/poller.h"
#include "os/ready.h"
#include "os/status_text.h"
#include "shared/segment.h"
#include "shared/sweep.h"

enum { EVENTS = 128 };

struct loop {
  struct poller poller;
  struct waker_hold hold; /* waker NULL: nothing was watched yet */
  uint32_t seen;          /* count of the waker when the things were last checked */
  int notify_socket;      /* always polled */
  notify_name name;
  int other; /* descriptor of another loop, while this one sleeps; -1: none */
  struct poller_event events[EVENTS];
  size_t count;
};

static const struct handle_class class; /* defined below its methods */

static struct loop *check_loop(lua_State *L) {
  struct loop *l = class_check(L, 1, &class);
  if (l->poller.fd < 0) luaL_error(L, "Loop: used after close");
  return l;
}

int loop_new(lua_State *L) {
  struct loop *l = lua_newuserdata(L, sizeof *l);
  *l = (struct loop){.poller = {-1}, .notify_socket = -1, .other = -1};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  status st = poller_open(&l->poller);
  if (st == STATUS_OK) st = notify_socket_open(&l->notify_socket, &l->name);
  if (st == STATUS_OK) st = poller_keep(&l->poller, l->notify_socket, POLLER_READ);
  return st ? return_failure(L, st) : 1;
}

static int loop_close(lua_State *L) {
  struct loop *l = class_check(L, 1, &class);
  if (l->hold.waker) wakers_release(&l->hold);
  l->hold.waker = NULL;
  if (l->notify_socket >= 0) notify_socket_close(l->notify_socket);
  l->notify_socket = -1;
  poller_close(&l->poller);
  return 0;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static int return_wanted(lua_State *L, status st) {
  if (st == -EPERM) {
    lua_pushliteral(L, "ready");
    return 1;
  }
  return return_status(L, st);
}

/* want(fd, what) → true; "ready" for a file, which always is; or nil and why. [-0, +1 or 2,
 * raises] */
static int loop_want(lua_State *L) {
  struct loop *l = check_loop(L);
  return return_wanted(L,
                       poller_want(&l->poller, (int)luaL_checkinteger(L, 2), (int)luaL_checkinteger(L, 3)));
}

/* renew(fd, what) → true; or nil and why, if fd was closed meanwhile. [-0, +1 or 2, raises] */
static int loop_renew(lua_State *L) {
  struct loop *l = check_loop(L);
  status st = poller_renew(&l->poller, (int)luaL_checkinteger(L, 2), (int)luaL_checkinteger(L, 3));
  return return_status(L, st == -ENOENT ? -EBADF : st);
}

static int loop_forget(lua_State *L) {
  struct loop *l = check_loop(L);
  poller_forget(&l->poller, (int)luaL_checkinteger(L, 2));
  return 0;
}

/* ---- things ---------------------------------------------------------------------------------- */

static const struct waitable *check_thing(lua_State *L) {
  const struct waitable *w = watchable_at(L, 2);
  if (!w) luaL_argerror(L, 2, "a waitable thing expected");
  return w;
}

/* watch(thing) → whether it is ready. If not, registers the loop's waker with it, and also returns
 * the thing's descriptor, if it has one. [-0, +1 or 2, raises] */
static int loop_watch(lua_State *L) {
  struct loop *l = check_loop(L);
  const struct waitable *w = check_thing(L);
  if (!l->hold.waker) wakers_take(segment_wakers(), segment_slot(), &l->hold);
  bool is_ready = w->is_ready(L, 2);
  if (!is_ready && w->watch) is_ready = w->watch(L, 2, l->hold.bit);
  lua_pushboolean(L, is_ready);
  if (is_ready || !w->descriptor) return 1;
  const int fd = w->descriptor(L, 2);
  if (fd < 0) return 1;
  lua_pushinteger(L, fd);
  return 2;
}

static int loop_is_ready(lua_State *L) {
  (void)check_loop(L);
  lua_pushboolean(L, check_thing(L)->is_ready(L, 2));
  return 1;
}

/* sweep(): cleans up after dead processes; a thing that one of them held becomes ready by that. [-0, +0, raises] */
static int loop_sweep(lua_State *L) {
  (void)check_loop(L);
  segment_sweep();
  return 0;
}

/* ---- the sleep ------------------------------------------------------------------------------- */

/* Another loop's descriptor is polled beside our poller, not inside it: that loop may poll ours,
 * and pollers must not poll each other in a circle. */
static status attempt_sleep(void *context, deadline until) {
  struct loop *l = context;
  if (l->other >= 0 && !deadline_is_now(until)) {
    struct ready both[2] = {ready_watch(l->poller.fd), ready_watch(l->other)};
    const status slept = ready_wait(both, 2, until);
    if (slept) return slept;
    const status found = poller_wait(&l->poller, l->events, EVENTS, &l->count, deadline_now());
    return found == STATUS_TIMEOUT ? STATUS_OK : found;
  }
  return poller_wait(&l->poller, l->events, EVENTS, &l->count, until);
}

static bool has_woken(const struct loop *l) {
  return l->hold.waker && !l->hold.is_shared && wakers_seen(&l->hold) != l->seen;
}

/* The name is published only while the loop sleeps, so that wakers do not write to the socket of a
 * loop that is awake. */
static void set_notify_socket(struct loop *l, notify_name name) {
  if (l->hold.waker && !l->hold.is_shared) atomic_store(&l->hold.waker->notify_socket, name);
}

static status sleep_until(lua_State *L, struct loop *l, deadline until) REQUIRES(rank_vm) {
  l->count = 0;
  if (deadline_is_now(until)) return attempt_sleep(l, until);
  set_notify_socket(l, l->name);
  if (has_woken(l)) until = deadline_now();
  const status st = deadline_is_now(until) ? attempt_sleep(l, until)
                                           : wait_for_tasks(L, TRACE_CALL_WAIT, attempt_sleep, l, until);
  set_notify_socket(l, 0);
  return st;
}

static int push_events(lua_State *L, struct loop *l, bool *was_woken) {
  int n = 0;
  for (size_t i = 0; i < l->count; i++) {
    if (l->events[i].fd == l->notify_socket) {
      notify_socket_clear(l->notify_socket);
      *was_woken = true;
      continue;
    }
    lua_pushinteger(L, l->events[i].fd);
    lua_rawseti(L, 3, ++n);
    lua_pushinteger(L, l->events[i].what);
    lua_rawseti(L, 3, ++n);
  }
  return n;
}

/* sleep(seconds or nil, list, fd or nil) → the count of numbers written into the list, pairs of a
 * descriptor and its readiness; and whether the watched things must be checked again. fd ends the
 * sleep when it is ready, but is not in the list. [-0, +2, raises] */
static int loop_sleep(lua_State *L) REQUIRES(rank_vm) {
  struct loop *l = check_loop(L);
  const deadline until = argument_timeout(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  l->other = (int)luaL_optinteger(L, 4, -1);
  lua_settop(L, 3);
  const status st = sleep_until(L, l, until);
  raise_if_stopped(L, st);
  if (st && st != STATUS_TIMEOUT && st != STATUS_INTERRUPTED) {
    char text[STATUS_TEXT_MAX];
    return luaL_error(L, "async: cannot poll: %s", status_text(st, text));
  }
  bool was_woken = has_woken(l);
  if (was_woken) l->seen = wakers_seen(&l->hold);
  lua_pushinteger(L, push_events(L, l, &was_woken));
  lua_pushboolean(L, was_woken);
  return 2;
}

/* wake(): ends the sleep of the loop's thread; called by other threads of the VM.
 * [-0, +0, raises] */
static int loop_wake(lua_State *L) {
  const struct loop *l = check_loop(L);
  notify_socket_notify(l->name);
  return 0;
}

/* fileno() → a descriptor that is readable when this loop has something to do, for an outer loop.
 * [-0, +1, raises] */
static int loop_fileno(lua_State *L) {
  struct loop *l = check_loop(L);
  set_notify_socket(l, l->name);
  lua_pushinteger(L, l->poller.fd);
  return 1;
}

static const luaL_Reg methods[] = {
    {"want", loop_want},         {"renew", loop_renew}, {"forget", loop_forget}, {"watch", loop_watch},
    {"is_ready", loop_is_ready}, {"sleep", loop_sleep}, {"wake", loop_wake},     {"fileno", loop_fileno},
    {"sweep", loop_sweep},       {NULL, NULL},
};

static const struct handle_class class = {
    .name = "Loop", .key = "manymoons.Loop", .methods = methods, .close = loop_close, .collect = loop_close};

/* ---- for callers outside of tasks ------------------------------------------------------------ */

static status attempt_ready(void *context, deadline until) { return ready_wait(context, 1, until); }

int wait_descriptor(lua_State *L) REQUIRES(rank_vm) {
  const int fd = (int)luaL_checkinteger(L, 1);
  const bool is_write = *luaL_checkstring(L, 2) == 'w';
  const deadline until = argument_timeout(L, 3);
  struct ready watch = is_write ? ready_watch_writable(fd) : ready_watch(fd);
  const status st = wait_for(L, TRACE_CALL_WAIT, attempt_ready, &watch, until);
  raise_if_stopped(L, st);
  return return_status(L, st == STATUS_OK && ready_is_foreign(&watch) ? -EBADF : st);
}
