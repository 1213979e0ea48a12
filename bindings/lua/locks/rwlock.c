/* SPDX-License-Identifier: MIT */
/* RWLock; with_read and with_write are in locks/locks.lua.
 *
 * A task waits as a thread does, with its place in line, and its scheduler runs other tasks beside
 * (wait_for): without a place it would be overtaken for ever.
 */
#include "shared/rwlock.h"

#include "core/waiting.h"
#include "locks/held_locks.h"
#include "locks/lock_handle.h"
#include "locks/lock_wait.h"
#include "shared/holds.h"
#include "shared/sweep.h"
#include "state/raise.h"

/* ---- acquire --------------------------------------------------------------------------------- */

struct take {
  struct synchronizer *s;
  struct execution_context self;
  enum rwlock_use use;
  struct synchronizer_wait wait;
  bool was_abandoned;
};

static status try_take(struct take *t) { return rwlock_try(t->s, t->self, &t->wait, &t->was_abandoned); }

/* A caller that cannot sleep notices a holder's death as well. */
static status try_beside_the_dead(struct take *t) {
  const status st = try_take(t);
  if (st != STATUS_TIMEOUT || !rwlock_has_dead_holder(t->s)) return st;
  segment_sweep();
  return try_take(t);
}

static status attempt_take(void *context, deadline until) {
  struct take *t = context;
  const status st = rwlock_take(t->s, t->self, &t->wait, until, &t->was_abandoned);
  return st == STATUS_TIMEOUT && deadline_is_now(until) ? try_beside_the_dead(t) : st;
}

static status note_taken(const struct lock_handle *h, const struct take *t) {
  const status st = h->s ? held_locks_add(h->held_locks, t->s, t->self, 1) : STATUS_CLOSED;
  if (st) (void)!rwlock_return(t->s, t->self, t->use);
  return st;
}

static status wait_in_line(lua_State *L, const struct lock_handle *h, struct take *t, deadline until,
                           const char *method) REQUIRES(rank_vm) {
  struct lock_wait w;
  w.s = t->s;
  w.self = t->self;
  w.use = t->use == RWLOCK_READ ? WAIT_FOR_READING : WAIT_FOR_WRITING;
  w.line = &t->wait;
  w.attempt = attempt_take;
  w.context = t;
  struct object *held = shared_handle_hold(L, &h->shared);
  status st = lock_wait_for(L, h, &w, until);
  const bool is_late = st == STATUS_TIMEOUT || st == STATUS_DEADLOCK;
  if (is_late && try_take(t) == STATUS_OK) st = STATUS_OK; /* a grant of the last moment counts */
  if (st)
    rwlock_give_up(t->s, &t->wait);
  else
    st = note_taken(h, t);
  segment_release(held);
  if (st == STATUS_DEADLOCK) lock_wait_refuse(L, &w, method);
  return st;
}

static void refuse(lua_State *L, const char *method, const char *why) {
  lua_pushfstring(L, "%s: %s", method, why);
  raise_kind(L, "deadlock");
}

static const char *name_of_use(enum rwlock_use use) { return use == RWLOCK_READ ? "reading" : "writing"; }

/* With a timeout it would wait in vain: for the caller's own share. */
static void refuse_upgrade(lua_State *L, const struct lock_handle *h, const char *method) {
  const struct execution_context self = lock_handle_caller(L);
  if (held_locks_count(h->held_locks, h->s, self) == 0 || rwlock_is_writer(h->s, self)) return;
  refuse(L, method, "the caller holds it for reading already: release_read first");
}

/* Nobody else returns the caller's own share. */
static void refuse_wait_for_self(lua_State *L, const struct lock_handle *h, const char *method) {
  const struct execution_context self = lock_handle_caller(L);
  if (rwlock_is_writer(h->s, self))
    refuse(L, method, "the caller holds it for writing already: it would wait for ever");
  if (held_locks_count(h->held_locks, h->s, self) > 0)
    refuse(L, method, "the caller holds it for reading already, and a writer waits: it would wait for ever");
}

static int acquire(lua_State *L, enum rwlock_use use, const char *method) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, LOCK_KIND_RWLOCK);
  const deadline until = lock_handle_deadline(L);
  struct take t = {.s = h->s, .self = lock_handle_caller(L), .use = use, .wait = rwlock_wait(use)};
  if (use == RWLOCK_WRITE) refuse_upgrade(L, h, method);
  status st = try_beside_the_dead(&t);
  if (st == STATUS_TIMEOUT && deadline_is_now(until)) {
    waiting_give_turn(L);
    if (!h->s) st = STATUS_CLOSED; /* meanwhile */
    if (h->s) st = try_beside_the_dead(&t);
  }
  if (st == STATUS_OK) {
    st = note_taken(h, &t);
  } else if (st == STATUS_TIMEOUT && !deadline_is_now(until)) {
    if (h->never_waits) refuse_endless_wait(L, until, method);
    if (deadline_is_never(until)) refuse_wait_for_self(L, h, method);
    st = wait_in_line(L, h, &t, until, method);
  }
  lock_raise_if_lost(L, h, st);
  return_status(L, st);
  if (st) return 2;
  if (t.was_abandoned) lua_pushliteral(L, "abandoned");
  return t.was_abandoned ? 2 : 1;
}

/* ---- release --------------------------------------------------------------------------------- */

static status release_read(const struct lock_handle *h, struct execution_context self) {
  if (held_locks_count(h->held_locks, h->s, self) == 0 || rwlock_is_writer(h->s, self)) return STATUS_EMPTY;
  return rwlock_return(h->s, self, RWLOCK_READ);
}

static int release(lua_State *L, enum rwlock_use use, const char *method) REQUIRES(rank_vm) {
  const struct lock_handle *h = lock_handle_check(L, 1, LOCK_KIND_RWLOCK);
  const struct execution_context self = lock_handle_caller(L);
  if (held_locks_has_waits(h->held_locks)) lock_wait_renew(h->held_locks, self);
  const status st = use == RWLOCK_READ ? release_read(h, self) : rwlock_return(h->s, self, RWLOCK_WRITE);
  if (st == STATUS_FOREIGN) luaL_error(L, "%s: another one holds it for writing", method);
  if (st) luaL_error(L, "%s: not held for %s", method, name_of_use(use));
  held_locks_drop(h->held_locks, h->s, self, 1);
  return waiting_make_way(L);
}

static int acquire_read(lua_State *L) REQUIRES(rank_vm) {
  return acquire(L, RWLOCK_READ, "RWLock:acquire_read");
}
static int acquire_write(lua_State *L) REQUIRES(rank_vm) {
  return acquire(L, RWLOCK_WRITE, "RWLock:acquire_write");
}
static int release_read_method(lua_State *L) REQUIRES(rank_vm) {
  return release(L, RWLOCK_READ, "RWLock:release_read");
}
static int release_write(lua_State *L) REQUIRES(rank_vm) {
  return release(L, RWLOCK_WRITE, "RWLock:release_write");
}

const luaL_Reg rwlock_methods[] = {{"acquire_read", acquire_read},
                                   {"acquire_write", acquire_write},
                                   {"release_read", release_read_method},
                                   {"release_write", release_write},
                                   {NULL, NULL}};
/* Its waits keep their place in the line, so they have no way (core/waiting.h): tasks run between
 * short looks. */
const struct waiting_entry rwlock_waits[] = {{.name = NULL}};

/* ---- its class ------------------------------------------------------------------------------- */

static void push_state(lua_State *L, struct synchronizer *s) {
  struct rwlock_holders holders;
  rwlock_look(s, &holders);
  if (holders.has_writer) {
    lua_pushliteral(L, "writer, ");
    lock_handle_push_holder(L, holders.writer);
    lua_concat(L, 2);
  } else if (holders.readers > 0) {
    lua_pushfstring(L, "%d reader%s", (int)holders.readers, holders.readers == 1 ? "" : "s");
  } else {
    lua_pushliteral(L, "free");
  }
}

const struct lock_class rwlock_class = {push_state, NULL, NULL};
