/* SPDX-License-Identifier: MIT */
/* Event, and what locks/locks.lua makes Condition and Barrier of. */
#include <errno.h>

#include "core/waiting.h"
#include "locks/held_locks.h"
#include "locks/lock_handle.h"
#include "locks/lock_wait.h"
#include "shared/barrier.h"
#include "shared/condition.h"
#include "shared/holds.h"
#include "shared/permits.h"
#include "state/error.h"

static void refuse_if_endless(lua_State *L, const struct lock_handle *h, deadline until, const char *method) {
  if (h->never_waits) refuse_endless_wait(L, until, method);
}

/* ---- Event ----------------------------------------------------------------------------------- */

struct event_attempt {
  struct synchronizer *s;
  uint64_t seen;
};

static status attempt_event(void *context, deadline until) {
  struct event_attempt *e = context;
  return event_wait(e->s, &e->seen, until);
}

/* The last argument of the body: how often the event was set when the wait began. */
enum { SEEN = WAITING_ARGUMENTS };

/* An event that was set and cleared again lets its waiters through: what was seen is kept from one
 * run to the next. */
static int wait_for_event(lua_State *L, deadline until) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, LOCK_KIND_EVENT);
  struct event_attempt e = {.s = h->s, .seen = (uint64_t)lua_tonumber(L, SEEN)};
  status st = attempt_event(&e, deadline_now());
  if (st == STATUS_TIMEOUT && deadline_is_now(until)) {
    waiting_give_turn(L);
    e.s = lock_handle_check(L, 1, LOCK_KIND_EVENT)->s; /* it may have been closed meanwhile */
    st = attempt_event(&e, deadline_now());
  } else if (st == STATUS_TIMEOUT) {
    refuse_if_endless(L, h, until, "Event:wait");
    if (waiting_as_task(L, until)) {
      lua_settop(L, SEEN - 1);
      lua_pushnumber(L, (lua_Number)e.seen);
      return waiting_would_wait(WAIT_CHANGE);
    }
    struct object *held = shared_handle_hold(L, &h->shared);
    st = shared_handle_wait_for_others(
        L, &h->shared, &(struct wait_for_others){held, TRACE_CALL_WAIT, attempt_event, &e}, until);
    segment_release(held);
    shared_handle_raise(L, &h->shared, st, "wait");
    if (st == STATUS_CLOSED) shared_handle_refuse_closed(L, &h->shared);
  }
  return return_status(L, st);
}

/* event:wait(timeout) → true; or nil, "timeout" */
static int event_wait_method(lua_State *L) REQUIRES(rank_vm) {
  lua_settop(L, SEEN - 1);
  return waiting_run(L, wait_for_event, argument_timeout(L, 2));
}

static int event_set_method(lua_State *L) {
  event_set(lock_handle_check(L, 1, LOCK_KIND_EVENT)->s);
  return 0;
}

static int event_clear_method(lua_State *L) {
  event_clear(lock_handle_check(L, 1, LOCK_KIND_EVENT)->s);
  return 0;
}

static int event_is_set_method(lua_State *L) {
  if (!event_is_set(lock_handle_check(L, 1, LOCK_KIND_EVENT)->s)) waiting_give_turn(L);
  lua_pushboolean(L, event_is_set(lock_handle_check(L, 1, LOCK_KIND_EVENT)->s));
  return 1;
}

const luaL_Reg event_methods[] = {
    {"set", event_set_method}, {"clear", event_clear_method}, {"is_set", event_is_set_method}, {NULL, NULL}};
const struct waiting_entry event_waits[] = {{"wait", event_wait_method, WAITING_FIXED}, {.name = NULL}};

static void push_event_state(lua_State *L, struct synchronizer *s) {
  lua_pushstring(L, event_is_set(s) ? "set" : "not set");
}

static bool event_is_ready(lua_State *L, int index) {
  const struct lock_handle *h = lua_touserdata(L, index);
  return !h->s || event_is_set(h->s);
}

static bool event_leave_wakers(lua_State *L, int index, waker_set wakers) {
  const struct lock_handle *h = lua_touserdata(L, index);
  return !h->s || event_watch(h->s, wakers);
}

static const struct waitable event_waitable = {event_is_ready, event_leave_wakers, NULL};
const struct lock_class event_class = {push_event_state, &event_waitable, NULL};

/* ---- Condition ------------------------------------------------------------------------------- */

struct told {
  struct synchronizer *s;
  struct synchronizer_wait wait;
};

static status attempt_told(void *context, deadline until) {
  struct told *t = context;
  return condition_sleep(t->s, &t->wait, until);
}

/* The Lock or RLock at `index`. [raises] */
static struct lock_handle *check_lock(lua_State *L, int index) {
  const struct lock_handle *h = lock_handle_at(L, index);
  return lock_handle_check(L, index,
                           h && h->shared.type->flavor == LOCK_KIND_LOCK ? LOCK_KIND_LOCK : LOCK_KIND_RLOCK);
}

/* STATUS_INTERRUPTED: the VM is to stop; its notification goes to another waiter. */
static status wait_until_told(lua_State *L, const struct lock_handle *h, struct told *t, deadline until)
    REQUIRES(rank_vm) {
  const status st = shared_handle_wait_for_others(
      L, &h->shared, &(struct wait_for_others){&t->s->object, TRACE_CALL_WAIT, attempt_told, t}, until);
  if (st == STATUS_OK) return st;
  const bool was_notified = condition_leave(t->s, &t->wait);
  if (was_notified && st != STATUS_TIMEOUT) condition_notify(t->s, 1);
  return was_notified && st == STATUS_TIMEOUT ? STATUS_OK : st;
}

/* A wait for a condition: the lock is released, and acquired again, as deep as it was, whatever ends it. */
struct condition_wait {
  const struct lock_handle *condition;
  const struct lock_handle *lock;
  struct synchronizer *s; /* the lock's */
  struct told told;
  uint32_t depth;
  status taken;
  bool was_abandoned;
  struct lock_wait lock_wait; /* for the lock, in the end */
};

static status wait_and_take_lock(lua_State *L, struct condition_wait *w, deadline until) REQUIRES(rank_vm) {
  const status st = wait_until_told(L, w->condition, &w->told, until);
  if (st != STATUS_OK && st != STATUS_TIMEOUT && st != STATUS_CLOSED && st != STATUS_DEADLOCK) return st;
  w->taken = lock_take(L, w->lock, w->s, &w->lock_wait, &w->was_abandoned);
  if (w->taken == STATUS_OK)
    permits_set_depth(w->s, w->depth);
  else if (st == STATUS_OK)
    condition_notify(w->told.s, 1); /* to another waiter, which may go on */
  return st;
}

/* Stands in line, and releases the lock. NULL; or why not, and nothing has changed. */
static const char *stand_in_line(lua_State *L, struct condition_wait *w) {
  if (condition_enter(w->told.s, segment_slot(), &w->told.wait)) return "too many wait already";
  w->depth = permits_return_all(w->s, lock_handle_caller(L));
  if (w->depth == 0) {
    (void)condition_leave(w->told.s, &w->told.wait);
    return "the lock is not held";
  }
  held_locks_drop(w->lock->held_locks, w->s, lock_handle_caller(L), UINT64_MAX);
  return NULL;
}

static void hold_both(lua_State *L, const struct condition_wait *w) {
  struct object *condition = shared_handle_hold(L, &w->condition->shared);
  if (segment_hold(&w->s->object) == STATUS_OK) return;
  segment_release(condition);
  error_raise_memory(L);
}

static void release_both(const struct condition_wait *w) {
  segment_release(&w->told.s->object);
  segment_release(&w->s->object);
}

/* condition:wait(lock, timeout) → true; true, "abandoned"; or nil, "timeout". The lock is held
 * again in the end. */
static int condition_wait(lua_State *L) REQUIRES(rank_vm) {
  struct condition_wait w;
  w.condition = lock_handle_check(L, 1, LOCK_KIND_CONDITION);
  w.lock = check_lock(L, 2);
  w.taken = STATUS_OK;
  w.was_abandoned = false;
  const deadline until = argument_timeout(L, 3);
  refuse_if_endless(L, w.condition, until, "Condition:wait");
  w.s = w.lock->s;
  w.told = (struct told){.s = w.condition->s};
  hold_both(L, &w);
  const char *refusal = stand_in_line(L, &w);
  const status st = refusal ? STATUS_OK : wait_and_take_lock(L, &w, until);
  release_both(&w);
  if (refusal) luaL_error(L, "Condition:wait: %s", refusal);
  if (st == STATUS_CLOSED) shared_handle_refuse_closed(L, &w.condition->shared);
  shared_handle_raise(L, &w.condition->shared, st, "wait");
  if (w.taken == STATUS_DEADLOCK) lock_wait_refuse(L, &w.lock_wait, "Condition:wait");
  lock_raise_if_lost(L, w.lock, w.taken);
  const int count = return_status(L, st);
  if (st || !w.was_abandoned) return count;
  lua_pushliteral(L, "abandoned");
  return 2;
}

/* condition:notify(lock, count) */
static int condition_notify_method(lua_State *L) {
  const struct lock_handle *h = lock_handle_check(L, 1, LOCK_KIND_CONDITION);
  const struct lock_handle *lock = check_lock(L, 2);
  const lua_Number count = luaL_checknumber(L, 3);
  const bool is_held = lock->s->kind == LOCK_KIND_LOCK ? permits_free(lock->s) == 0
                                                       : permits_is_held_by(lock->s, lock_handle_caller(L));
  if (!is_held) luaL_error(L, "Condition:notify: the lock is not held");
  condition_notify(h->s, count >= 1e9 ? UINT64_MAX : (uint64_t)count);
  return 0;
}

const luaL_Reg condition_methods[] = {
    {"wait", condition_wait}, {"notify", condition_notify_method}, {NULL, NULL}};
/* Its waits have no way (core/waiting.h): tasks run between short looks. */
const struct waiting_entry condition_waits[] = {{.name = NULL}};

static void push_condition_state(lua_State *L, struct synchronizer *s) {
  (void)s;
  lua_pushliteral(L, "condition");
}

const struct lock_class condition_class = {push_condition_state, NULL, NULL};

/* ---- Barrier --------------------------------------------------------------------------------- */

struct meeting {
  struct synchronizer *s;
  struct execution_context self;
  struct barrier_arrival arrival;
};

static status attempt_arrival(void *context, deadline until) {
  struct meeting *m = context;
  return barrier_arrive(m->s, m->self, &m->arrival, until);
}

static status attempt_meeting(void *context, deadline until) {
  struct meeting *m = context;
  return barrier_sleep(m->s, &m->arrival, until);
}

static status meet(lua_State *L, const struct lock_handle *h, struct meeting *m, deadline until)
    REQUIRES(rank_vm) {
  struct object *held = &m->s->object;
  status st = attempt_arrival(m, deadline_now());
  if (st == STATUS_TIMEOUT && !deadline_is_now(until))
    st = shared_handle_wait_for_others(
        L, &h->shared, &(struct wait_for_others){held, TRACE_CALL_WAIT, attempt_arrival, m}, until);
  if (st || barrier_is_last(m->s, &m->arrival)) return st;
  st = shared_handle_wait_for_others(
      L, &h->shared, &(struct wait_for_others){held, TRACE_CALL_WAIT, attempt_meeting, m}, until);
  if (st == STATUS_OK || st == STATUS_BROKEN) return st;
  const status left = barrier_leave(m->s, &m->arrival);
  return st == STATUS_TIMEOUT && left == STATUS_OK ? STATUS_OK : st;
}

/* barrier:arrive(timeout) → index, is_last; or nil, why. The last one opens. */
static int barrier_arrive_method(lua_State *L) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, LOCK_KIND_BARRIER);
  const deadline until = argument_timeout(L, 2);
  if (barrier_waiting(h->s) + 1 < h->s->initial) refuse_if_endless(L, h, until, "Barrier:wait");
  struct meeting m = {.s = h->s, .self = lock_handle_caller(L)};
  if (held_locks_add(h->held_locks, h->s, m.self, 0)) error_raise_memory(L);
  struct object *held = shared_handle_hold(L, &h->shared);
  const status st = meet(L, h, &m, until);
  const bool is_last = st == STATUS_OK && barrier_is_last(m.s, &m.arrival);
  segment_release(held);
  shared_handle_raise(L, &h->shared, st, "wait");
  if (st) shared_handle_refuse_closed(L, &h->shared); /* which breaks it for the waiters of other handles */
  if (st) return return_failure(L, st);
  lua_pushinteger(L, (lua_Integer)m.arrival.index);
  lua_pushboolean(L, is_last);
  return 2;
}

static int barrier_open_method(lua_State *L) {
  return return_status(L, barrier_open(lock_handle_check(L, 1, LOCK_KIND_BARRIER)->s));
}

static int barrier_abort_method(lua_State *L) {
  barrier_break(lock_handle_check(L, 1, LOCK_KIND_BARRIER)->s);
  return 0;
}

static int barrier_reset_method(lua_State *L) {
  barrier_reset(lock_handle_check(L, 1, LOCK_KIND_BARRIER)->s);
  return 0;
}

/* barrier:state() → parties, how many wait, whether it is broken */
static int barrier_state(lua_State *L) {
  struct synchronizer *s = lock_handle_check(L, 1, LOCK_KIND_BARRIER)->s;
  lua_pushinteger(L, (lua_Integer)s->initial);
  lua_pushinteger(L, (lua_Integer)barrier_waiting(s));
  lua_pushboolean(L, barrier_is_broken(s));
  return 3;
}

const luaL_Reg barrier_methods[] = {{"arrive", barrier_arrive_method}, {"open", barrier_open_method},
                                    {"abort", barrier_abort_method},   {"reset", barrier_reset_method},
                                    {"state", barrier_state},          {NULL, NULL}};
/* Its waits have no way (core/waiting.h): tasks run between short looks. */
const struct waiting_entry barrier_waits[] = {{.name = NULL}};

static void push_barrier_state(lua_State *L, struct synchronizer *s) {
  lua_pushfstring(L, "%d of %d wait", (int)barrier_waiting(s), (int)s->initial);
}

const struct lock_class barrier_class = {push_barrier_state, NULL, NULL};
