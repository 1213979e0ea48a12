/* SPDX-License-Identifier: MIT */
/* acquire and release of Lock, RLock, Semaphore and BoundedSemaphore. */
#include <errno.h>

#include "core/waiting.h"
#include "locks/held_locks.h"
#include "locks/lock_handle.h"
#include "locks/lock_wait.h"
#include "shared/holds.h"
#include "shared/permits.h"
#include "shared/sweep.h"
#include "state/error.h"

/* ---- acquire --------------------------------------------------------------------------------- */

struct take {
  struct synchronizer *s;
  struct execution_context self;
  struct synchronizer_wait wait;
  bool was_abandoned;
};

static status attempt_take(void *context, deadline until) {
  struct take *t = context;
  return permits_take(t->s, t->self, &t->wait, until, &t->was_abandoned);
}

/* A caller that only looks notices a holder's death as well. */
static bool is_holder_dead(struct synchronizer *s) {
  struct execution_context holder;
  struct futex_watch watch;
  return permits_holder(s, &holder) && !segment_watch_life(holder.slot, &watch);
}

/* What came at the last moment counts; else the wait ends with `st`. */
static status take_at_last(struct take *t, status st) {
  const status last = attempt_take(t, deadline_now());
  if (last) permits_give_up(t->s, &t->wait);
  return last ? st : STATUS_OK;
}

/* STATUS_TIMEOUT: it is held; nothing has changed. */
static status try_take(lua_State *L, const struct lock_handle *h, struct take *t) {
  *t = (struct take){.s = h->s, .self = lock_handle_caller(L)};
  status st = attempt_take(t, deadline_now());
  if (st == STATUS_TIMEOUT && is_holder_dead(h->s)) {
    segment_sweep();
    st = attempt_take(t, deadline_now());
  }
  return st;
}

/* What was taken is given back, if nobody could release it: the handle was closed while its caller waited,
 * or it cannot be noted. */
static status note_taken(const struct lock_handle *h, const struct take *t) {
  const status st = h->s ? held_locks_add(h->held_locks, t->s, t->self, 1) : STATUS_CLOSED;
  if (st) (void)!permits_return(t->s, t->self, 1);
  return st;
}

static status wait_and_take(lua_State *L, const struct lock_handle *h, struct take *t, struct lock_wait *w,
                            deadline until) REQUIRES(rank_vm) {
  w->s = t->s;
  w->self = t->self;
  w->use = WAIT_FOR_LOCK;
  w->line = NULL;
  w->attempt = attempt_take;
  w->context = t;
  status st = lock_wait_for(L, h, w, until);
  if (st == STATUS_TIMEOUT || st == STATUS_DEADLOCK) st = take_at_last(t, st);
  if (st) permits_give_up(t->s, &t->wait);
  return st ? st : note_taken(h, t);
}

static void push_method(lua_State *L, const struct lock_handle *h) {
  lua_pushfstring(L, "%s:acquire", h->shared.type->class.name);
}

/* A wait without a deadline for what nobody else can release. */
static void refuse_if_endless(lua_State *L, const struct lock_handle *h, struct execution_context self,
                              deadline until) {
  const bool is_own = h->s->kind == LOCK_KIND_LOCK && held_locks_count(h->held_locks, h->s, self) > 0;
  if ((!h->never_waits && !is_own) || !waiting_is_endless(L, until)) return;
  push_method(L, h);
  if (h->never_waits) refuse_endless_wait(L, until, lua_tostring(L, -1));
  if (permits_is_held_by(h->s, self)) /* another one may have released it */
    lock_wait_refuse_self(L, h->shared.type->class.name, lua_tostring(L, -1));
  lua_pop(L, 1);
}

static void settle_task(lua_State *L, const struct lock_handle *h, const struct take *t, status st) {
  push_method(L, h);
  lock_wait_settle(L, h, t->self, st == STATUS_TIMEOUT, lua_tostring(L, -1));
  lua_pop(L, 1);
}

void lock_raise_if_lost(lua_State *L, const struct lock_handle *h, status st) {
  raise_if_stopped(L, st);
  if (st == STATUS_CLOSED) shared_handle_refuse_closed(L, &h->shared);
  if (st == -ENOMEM) error_raise_memory(L);
}

status lock_take(lua_State *L, const struct lock_handle *h, struct synchronizer *s, struct lock_wait *w,
                 bool *was_abandoned) {
  struct take t = {.s = s, .self = lock_handle_caller(L)};
  status st = attempt_take(&t, deadline_now());
  if (st == STATUS_TIMEOUT)
    st = wait_and_take(L, h, &t, w, deadline_never());
  else if (st == STATUS_OK)
    st = note_taken(h, &t);
  *was_abandoned = t.was_abandoned;
  return st;
}

deadline lock_handle_deadline(lua_State *L) {
  if (lua_gettop(L) == 1) return deadline_never();
  if (!lua_isboolean(L, 2)) return argument_timeout(L, 2);
  return lua_toboolean(L, 2) ? argument_timeout(L, 3) : deadline_now();
}

static status acquire_by_waiting(lua_State *L, const struct lock_handle *h, struct take *t, deadline until)
    REQUIRES(rank_vm) {
  struct lock_wait w;
  struct object *held = shared_handle_hold(L, &h->shared);
  const status st = wait_and_take(L, h, t, &w, until);
  segment_release(held);
  if (st != STATUS_DEADLOCK) return st;
  push_method(L, h);
  lock_wait_refuse(L, &w, lua_tostring(L, -1));
}

static int acquire(lua_State *L, enum lock_kind kind, deadline until) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, kind);
  struct take t;
  status st = try_take(L, h, &t);
  if (held_locks_has_waits(h->held_locks)) settle_task(L, h, &t, st);
  if (st == STATUS_TIMEOUT && deadline_is_now(until)) {
    waiting_give_turn(L);
    if (!h->s) st = STATUS_CLOSED; /* meanwhile */
    if (h->s) st = try_take(L, h, &t);
  }
  if (st == STATUS_OK) {
    st = note_taken(h, &t);
  } else if (st == STATUS_TIMEOUT && !deadline_is_now(until)) {
    refuse_if_endless(L, h, t.self, until);
    if (waiting_as_task(L, until))
      return waiting_would_wait(synchronizer_holding(h->s) <= HOLD_RECURSIVE ? WAIT_LOCK : WAIT_READY);
    st = acquire_by_waiting(L, h, &t, until);
  }
  lock_raise_if_lost(L, h, st);
  return_status(L, st);
  if (st) return 2;
  if (t.was_abandoned) lua_pushliteral(L, "abandoned");
  return t.was_abandoned ? 2 : 1;
}

/* ---- release --------------------------------------------------------------------------------- */

/* A thread that waits for the VM's lock has its turn at the latest where one leaves a lock: where hooks
 * cannot ask (LuaJIT) a loop around a lock would keep it for ever. */
static int release(lua_State *L, enum lock_kind kind, uint64_t count) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, kind);
  struct vm *vm = vm_of(L);
  const struct execution_context self = lock_handle_caller_in(vm);
  if (held_locks_has_waits(h->held_locks)) lock_wait_renew(h->held_locks, self);
  const status st = permits_return(h->s, self, count);
  if (st == STATUS_EMPTY) luaL_error(L, "%s:release: nobody holds it", h->shared.type->class.name);
  if (st == STATUS_FOREIGN) luaL_error(L, "%s:release: another thread holds it", h->shared.type->class.name);
  if (st == STATUS_TOO_LARGE)
    luaL_error(L, "%s:release: released more often than acquired", h->shared.type->class.name);
  held_locks_drop(h->held_locks, h->s, self, count);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  return 0;
}

static enum lock_kind semaphore_kind(lua_State *L) {
  const struct lock_handle *h = lock_handle_at(L, 1);
  return h && h->shared.type->flavor == LOCK_KIND_BOUNDED_SEMAPHORE ? LOCK_KIND_BOUNDED_SEMAPHORE
                                                                    : LOCK_KIND_SEMAPHORE;
}

static int take_lock(lua_State *L, deadline until) REQUIRES(rank_vm) {
  return acquire(L, LOCK_KIND_LOCK, until);
}
static int take_rlock(lua_State *L, deadline until) REQUIRES(rank_vm) {
  return acquire(L, LOCK_KIND_RLOCK, until);
}
static int take_semaphore(lua_State *L, deadline until) REQUIRES(rank_vm) {
  return acquire(L, semaphore_kind(L), until);
}

static int lock_acquire(lua_State *L) REQUIRES(rank_vm) {
  return waiting_run(L, take_lock, lock_handle_deadline(L));
}
static int rlock_acquire(lua_State *L) REQUIRES(rank_vm) {
  return waiting_run(L, take_rlock, lock_handle_deadline(L));
}
static int semaphore_acquire(lua_State *L) REQUIRES(rank_vm) {
  return waiting_run(L, take_semaphore, lock_handle_deadline(L));
}

static int lock_release(lua_State *L) REQUIRES(rank_vm) { return release(L, LOCK_KIND_LOCK, 1); }
static int rlock_release(lua_State *L) REQUIRES(rank_vm) { return release(L, LOCK_KIND_RLOCK, 1); }

static int semaphore_release(lua_State *L) REQUIRES(rank_vm) {
  const lua_Number count = luaL_optnumber(L, 2, 1);
  luaL_argcheck(L, count >= 1 && count <= 1e9 && count == (lua_Number)(uint64_t)count, 2,
                "a whole number, 1 or more, expected");
  return release(L, semaphore_kind(L), (uint64_t)count);
}

/* ---- looking --------------------------------------------------------------------------------- */

static int push_is_locked(lua_State *L, enum lock_kind kind) {
  if (permits_free(lock_handle_check(L, 1, kind)->s) == 0) waiting_give_turn(L);
  lua_pushboolean(L, permits_free(lock_handle_check(L, 1, kind)->s) == 0);
  return 1;
}

static int lock_locked(lua_State *L) { return push_is_locked(L, LOCK_KIND_LOCK); }
static int rlock_locked(lua_State *L) { return push_is_locked(L, LOCK_KIND_RLOCK); }

static int semaphore_get_value(lua_State *L) {
  if (permits_free(lock_handle_check(L, 1, semaphore_kind(L))->s) == 0) waiting_give_turn(L);
  lua_pushinteger(L, (lua_Integer)permits_free(lock_handle_check(L, 1, semaphore_kind(L))->s));
  return 1;
}

const luaL_Reg lock_methods[] = {{"release", lock_release}, {"locked", lock_locked}, {NULL, NULL}};
const luaL_Reg rlock_methods[] = {{"release", rlock_release}, {"locked", rlock_locked}, {NULL, NULL}};
const luaL_Reg semaphore_methods[] = {
    {"release", semaphore_release}, {"get_value", semaphore_get_value}, {NULL, NULL}};

const struct waiting_entry lock_waits[] = {{"acquire", lock_acquire, WAITING_FIXED}, {.name = NULL}};
const struct waiting_entry rlock_waits[] = {{"acquire", rlock_acquire, WAITING_FIXED}, {.name = NULL}};
const struct waiting_entry semaphore_waits[] = {{"acquire", semaphore_acquire, WAITING_FIXED},
                                                {.name = NULL}};

/* ---- their classes --------------------------------------------------------------------------- */

static void push_lock_state(lua_State *L, struct synchronizer *s) {
  struct execution_context holder;
  if (permits_holder(s, &holder))
    lock_handle_push_holder(L, holder);
  else
    lua_pushliteral(L, "free");
}

static void push_semaphore_state(lua_State *L, struct synchronizer *s) {
  lua_pushfstring(L, "%d free", (int)permits_free(s));
}

/* Whether an acquire could be tried again. */
static bool permits_are_ready(lua_State *L, int index) {
  const struct lock_handle *h = lua_touserdata(L, index);
  if (!h->s || permits_free(h->s) > 0) return true;
  return h->s->kind == LOCK_KIND_RLOCK && permits_is_held_by(h->s, lock_handle_caller(L));
}

static bool permits_watch(lua_State *L, int index, waker_set wakers) {
  const struct lock_handle *h = lua_touserdata(L, index);
  if (h->s) synchronizer_register_wakers(h->s, wakers);
  return permits_are_ready(L, index);
}

static const struct waitable permits = {permits_are_ready, permits_watch, NULL};

const struct lock_class lock_class = {push_lock_state, NULL, &permits};
const struct lock_class rlock_class = {push_lock_state, NULL, &permits};
const struct lock_class semaphore_class = {push_semaphore_state, NULL, &permits};
