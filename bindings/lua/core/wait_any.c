/* SPDX-License-Identifier: MIT */
/* One round: check all things; if none is ready, register the waker with each and check it again;
 * sleep. A round is cheap beside a sleep, and between two rounds nothing is held that an error
 * could leave behind.
 *
 * Each round gathers the descriptors again, because maintenance or another thread may have closed
 * some.
 */
#include "core/wait_any.h"

#include <errno.h>

#include "core/arguments.h"
#include "core/shared_handle.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "os/ready.h"
#include "shared/segment.h"
#include "shared/sweep.h"

enum { THINGS = 1, TIMEOUT = 2, ONCE = 3, PATIENCE = 4, POLLED = 5 };
enum { LOOK_AGAIN_NS = 250 * 1000 * 1000, LOOK_OFTEN_NS = 10 * 1000 * 1000 };

/* The descriptors to poll: at 0 the notify socket, at i that of thing i. The array is at POLLED. */
struct polled {
  struct ready *watches;
  size_t count;     /* of the things */
  bool is_any;      /* a thing has a descriptor */
  bool is_all;      /* all things are descriptors, so no waker is needed */
  bool has_numbers; /* some are */
  bool is_stale;    /* a handle was closed meanwhile: a number may mean another descriptor by now */
  int64_t patience_ns;
};

/* ---- the things ------------------------------------------------------------------------------ */

static const struct waitable *field_at(lua_State *L, int index, const char *field) {
  if (!lua_isuserdata(L, index) || !lua_getmetatable(L, index)) return NULL;
  lua_getfield(L, -1, field);
  const struct waitable *w = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return w;
}

static const struct waitable *waitable_at(lua_State *L, int index) {
  return field_at(L, index, WAITABLE_FIELD);
}

const struct waitable *watchable_at(lua_State *L, int index) {
  const struct waitable *w = waitable_at(L, index);
  return w ? w : field_at(L, index, WATCHABLE_FIELD);
}

static void check_things(lua_State *L) {
  luaL_checktype(L, THINGS, LUA_TTABLE);
  for (int i = 1; i <= (int)lua_rawlen(L, THINGS); i++) {
    lua_rawgeti(L, THINGS, i);
    luaL_argcheck(L, lua_isnumber(L, -1) || waitable_at(L, lua_gettop(L)), THINGS,
                  "a list of waitable things expected");
    shared_handle_refuse_foreign(L, lua_gettop(L));
    lua_pop(L, 1);
  }
}

/* The descriptor of the thing on top of the stack; -1: none. */
static int descriptor_of_top(lua_State *L) {
  if (lua_isnumber(L, -1)) return (int)lua_tointeger(L, -1);
  const struct waitable *w = waitable_at(L, lua_gettop(L));
  return w->descriptor ? w->descriptor(L, lua_gettop(L)) : -1;
}

static void gather_descriptors(lua_State *L, struct polled *p) {
  p->watches[0] = ready_watch(-1);
  p->is_any = p->has_numbers = p->is_stale = false;
  p->is_all = true;
  for (size_t i = 1; i <= p->count; i++) {
    lua_rawgeti(L, THINGS, (int)i);
    const int fd = descriptor_of_top(L);
    const bool is_number = lua_isnumber(L, -1);
    p->is_all = p->is_all && is_number;
    p->has_numbers = p->has_numbers || is_number;
    lua_pop(L, 1);
    p->watches[i] = ready_watch(fd);
    p->is_any = p->is_any || fd >= 0;
  }
}

/* ---- checking -------------------------------------------------------------------------------- */

/* -EBADF: one of the numbers is not an open descriptor. */
static status look_at_descriptors(lua_State *L, struct polled *p) {
  gather_descriptors(L, p);
  if (!p->is_any) return STATUS_OK;
  const status st = ready_wait(p->watches, p->count + 1, deadline_now());
  for (size_t i = 1; i <= p->count; i++)
    if (ready_is_foreign(&p->watches[i])) return -EBADF;
  return st == STATUS_TIMEOUT || st == STATUS_INTERRUPTED ? STATUS_OK : st;
}

/* Whether the thing on top is ready. */
static bool is_top_ready(lua_State *L, const struct polled *p, int place) {
  if (p->is_any && ready_is(&p->watches[place])) return true;
  return !lua_isnumber(L, -1) && waitable_at(L, lua_gettop(L))->is_ready(L, lua_gettop(L));
}

/* Pushes the list of ready places and returns its length. [-0, +1, memory] */
static int push_ready(lua_State *L, const struct polled *p) {
  int found = 0;
  lua_newtable(L);
  for (int i = 1; i <= (int)p->count; i++) {
    lua_rawgeti(L, THINGS, i);
    const bool is_ready = is_top_ready(L, p, i);
    lua_pop(L, 1);
    if (!is_ready) continue;
    lua_pushinteger(L, i);
    lua_rawseti(L, -2, ++found);
  }
  return found;
}

/* ---- sleeping -------------------------------------------------------------------------------- */

struct sleeper {
  struct waker_hold hold;
  struct polled *polled;
  uint32_t seen;
  int notify_socket; /* -1: not needed, or not to be had */
};

/* Registers the wakers with all things; true: one is ready already. Does not raise. */
static bool watch_all(lua_State *L, const struct polled *p, waker_set wakers) {
  bool is_any = false;
  for (size_t i = 1; i <= p->count && !is_any; i++) {
    lua_rawgeti(L, THINGS, (int)i);
    const struct waitable *w = waitable_at(L, lua_gettop(L));
    is_any = w && w->watch && w->watch(L, lua_gettop(L), wakers);
    lua_pop(L, 1);
  }
  return is_any;
}

/* A shared waker has no notify socket, and none can be opened when descriptors have run out. The
 * poll then ends often, to check the waker. */
static status sleep_on_waker(const struct sleeper *s, deadline until) {
  struct polled *p = s->polled;
  if (!p->is_any) return wakers_sleep(&s->hold, s->seen, until);
  p->watches[0] = ready_watch(s->notify_socket);
  if (wakers_seen(&s->hold) != s->seen) return STATUS_OK;
  const deadline soon = {clock_now_ns() + (s->notify_socket < 0 ? LOOK_OFTEN_NS : LOOK_AGAIN_NS)};
  const status st = ready_wait(p->watches, p->count + 1, deadline_earlier(until, soon));
  return st == STATUS_TIMEOUT && !deadline_passed(until) ? STATUS_OK : st;
}

/* After a long sleep it sweeps: a thing that a dead process holds becomes ready by that. */
static status attempt_sleep(void *context, deadline until) {
  const int64_t start = clock_now_ns();
  const status st = sleep_on_waker(context, until);
  if (clock_now_ns() - start >= LOOK_AGAIN_NS) segment_sweep();
  return st;
}

static void open_notify_socket(struct sleeper *s) {
  s->notify_socket = -1;
  notify_name name = 0;
  if (!s->polled->is_any || s->hold.is_shared || notify_socket_open(&s->notify_socket, &name)) return;
  atomic_store(&s->hold.waker->notify_socket, name);
}

/* Polls without sleeping for `patience`, then sleeps. */
static status attempt_poll(void *context, deadline until) {
  struct polled *p = context;
  const int64_t start = clock_now_ns();
  status st = STATUS_TIMEOUT;
  while (st == STATUS_TIMEOUT && clock_now_ns() - start < p->patience_ns)
    st = ready_wait(p->watches, p->count + 1, deadline_now());
  return st == STATUS_TIMEOUT ? ready_wait(p->watches, p->count + 1, until) : st;
}

/* Closing any handle of the VM ends it: STATUS_OK, and the things have to be checked again. */
static status wait_for_any(lua_State *L, struct polled *p, wait_attempt attempt, void *context,
                           deadline until) REQUIRES(rank_vm) {
  bool *is_disturbed = &vm_self(vm_of(L))->is_disturbed;
  *is_disturbed = false;
  const status st = p->is_any ? wait_in_handle(L, is_disturbed, TRACE_CALL_WAIT, attempt, context, until)
                              : wait_in_program(L, is_disturbed, TRACE_CALL_WAIT, attempt, context, until);
  p->is_stale = *is_disturbed;
  return st == STATUS_CLOSED ? STATUS_OK : st;
}

/* Checks the descriptors. If there is nothing else, the same poll is the sleep. */
static status poll_all(lua_State *L, struct polled *p, deadline until) REQUIRES(rank_vm) {
  if (deadline_is_now(until)) return look_at_descriptors(L, p);
  gather_descriptors(L, p);
  if (!p->is_all || !p->is_any) return look_at_descriptors(L, p);
  const status st = wait_for_any(L, p, attempt_poll, p, until);
  for (size_t i = 1; st == STATUS_OK && !p->is_stale && i <= p->count; i++)
    if (ready_is_foreign(&p->watches[i])) return -EBADF;
  return st == STATUS_TIMEOUT ? STATUS_OK : st;
}

static status sleep_once(lua_State *L, struct polled *p, deadline until) REQUIRES(rank_vm) {
  struct sleeper s = {.polled = p};
  wakers_take(segment_wakers(), segment_slot(), &s.hold);
  open_notify_socket(&s);
  s.seen = wakers_seen(&s.hold);
  const status st = watch_all(L, p, s.hold.bit) ? STATUS_OK : wait_for_any(L, p, attempt_sleep, &s, until);
  wakers_release(&s.hold);
  if (s.notify_socket >= 0) notify_socket_close(s.notify_socket);
  return st;
}

/* The caller has to find its descriptors again. */
static int push_nothing(lua_State *L) {
  lua_newtable(L);
  return 1;
}

int wait_any(lua_State *L) REQUIRES(rank_vm) {
  const deadline until = argument_timeout(L, TIMEOUT);
  lua_settop(L, PATIENCE);
  const bool sleeps_once = lua_toboolean(L, ONCE);
  const lua_Number patience = luaL_optnumber(L, PATIENCE, 0);
  bool has_slept = false;
  check_things(L);
  struct polled p = {.count = lua_rawlen(L, THINGS), .patience_ns = (int64_t)(patience * 1e9)};
  p.watches = lua_newuserdata(L, (p.count + 1) * sizeof *p.watches);
  for (;;) {
    const status st = poll_all(L, &p, until);
    raise_if_stopped(L, st);
    if (st) return return_failure(L, st);
    if (p.is_stale && p.has_numbers) return push_nothing(L);
    if (push_ready(L, &p) || deadline_passed(until) || (has_slept && sleeps_once)) return 1;
    lua_settop(L, POLLED);
    has_slept = true;
    raise_if_stopped(L, sleep_once(L, &p, until));
    if (p.is_stale && p.has_numbers) return push_nothing(L);
  }
}
