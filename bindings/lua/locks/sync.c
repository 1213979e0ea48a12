/* SPDX-License-Identifier: MIT */
#include "locks/sync.h"

#include "core/lazy_methods.h"
#include "core/wait_any.h"
#include "locks/held_locks.h"
#include "shared/barrier.h"
#include "shared/condition.h"
#include "shared/permits.h"
#include "state/vm.h"

enum { KINDS = SYNC_EVENT + 1 };

static const struct shared_type types[KINDS]; /* defined below the methods; indexed by the kind */

/* ---- handles --------------------------------------------------------------------------------- */

struct sync_handle *sync_at(lua_State *L, int index) {
  return shared_handle_at(L, index, &types[SYNC_LOCK], KINDS - SYNC_LOCK);
}

struct sync_handle *sync_check(lua_State *L, int index, enum sync_kind kind) {
  return shared_handle_check(L, index, &types[kind]);
}

struct sync_agent sync_self(lua_State *L) {
  const struct vm_thread *t = vm_self(vm_of(L));
  return (struct sync_agent){segment_slot(), (uint64_t)(uintptr_t)(t->task ? t->task : (const void *)t)};
}

/* How many handles this VM has on each object, by its address: a table in the registry. */
static const char counts_key = 'c'; /* its address is the key; never written */

/* [-0, +0, memory], and where it gets less nothing is allocated */
static int change_count(lua_State *L, const struct sync *s, int by) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
  lua_rawgetp(L, -1, s);
  const int count = (int)lua_tointeger(L, -1) + by;
  lua_pop(L, 1);
  if (count > 0)
    lua_pushinteger(L, count);
  else
    lua_pushnil(L);
  lua_rawsetp(L, -2, s);
  lua_pop(L, 1);
  return count;
}

static void init_handle(lua_State *L, void *handle) {
  struct sync_handle *h = handle;
  h->held_locks = held_locks_of(L);
}

static void take_sync(lua_State *L, void *handle) {
  struct sync_handle *h = handle;
  h->s = (struct sync *)(void *)h->shared.object;
  (void)change_count(L, h->s, 1);
}

static bool is_of_kind(const struct shared_type *type, const struct object *object) {
  return (int)((const struct sync *)(const void *)object)->kind == type->flavor;
}

void sync_push(lua_State *L, struct sync *s, bool never_waits) {
  struct sync_handle *h = shared_handle_push(L, &types[s->kind]);
  h->never_waits = never_waits;
  shared_handle_take(L, &h->shared, &s->object);
}

static enum sync_kind kind_called(lua_State *L, int index) {
  const char *name = luaL_checkstring(L, index);
  int kind = SYNC_LOCK;
  while (kind < KINDS && strcmp(types[kind].class.name, name) != 0) kind++;
  return kind < KINDS ? (enum sync_kind)kind : (enum sync_kind)luaL_argerror(L, index, "no such kind");
}

int sync_new(lua_State *L) {
  const enum sync_kind kind = kind_called(L, 1);
  const uint64_t initial = (uint64_t)luaL_optnumber(L, 2, 1);
  const bool never_waits = lua_toboolean(L, 3);
  struct sync_handle *h = shared_handle_push(L, &types[kind]);
  h->never_waits = never_waits;
  struct sync *s = NULL;
  const status st = sync_make(kind, initial, &s);
  if (st) return return_failure(L, st);
  shared_handle_take(L, &h->shared, &s->object);
  return 1;
}

int sync_methods(lua_State *L) {
  shared_handle_push_class(L, &types[kind_called(L, 1)]);
  lua_getfield(L, -1, "__index");
  return 1;
}

/* A VM that has died and had the barrier will not come to it any more. */
static int handle_gc(lua_State *L) {
  struct sync_handle *h = sync_at(L, 1);
  if (!h || !h->s) return 0;
  if (h->s->kind == SYNC_BARRIER && held_locks_has_died(h->held_locks)) barrier_break(h->s);
  if (change_count(L, h->s, -1) <= 0) held_locks_forget(h->held_locks, h->s);
  shared_handle_close(&h->shared);
  h->s = NULL;
  return 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void push_holder(lua_State *L, struct sync_agent holder) {
  const struct sync_agent self = sync_self(L);
  const int pid = (int)segment_process_table()->slots[holder.slot].id.pid;
  const bool is_here = holder.slot == self.slot;
  const char *whose = !is_here ? "" : holder.thread == self.thread ? ", this thread" : ", another thread";
  lua_pushfstring(L, "held by process %d%s", pid, whose);
}

static void push_state(lua_State *L, struct sync *s) {
  struct sync_agent holder;
  switch (s->kind) {
    case SYNC_LOCK:
    case SYNC_RLOCK:
      if (permits_holder(s, &holder))
        push_holder(L, holder);
      else
        lua_pushliteral(L, "free");
      break;
    case SYNC_EVENT: lua_pushstring(L, event_is_set(s) ? "set" : "not set"); break;
    case SYNC_BARRIER: lua_pushfstring(L, "%d of %d wait", (int)barrier_waiting(s), (int)s->initial); break;
    case SYNC_CONDITION: lua_pushliteral(L, "condition"); break;
    default: lua_pushfstring(L, "%d free", (int)permits_free(s)); break;
  }
}

static int handle_tostring(lua_State *L) {
  const struct sync_handle *h = sync_at(L, 1);
  if (!h || !h->s) {
    lua_pushliteral(L, "closed lock");
    return 1;
  }
  push_state(L, h->s);
  lua_pushfstring(L, "%s: %s", h->shared.type->class.name, lua_tostring(L, -1));
  return 1;
}

/* ---- waiting among other things -------------------------------------------------------------- */

static bool handle_is_ready(lua_State *L, int index) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || event_is_set(h->s);
}

static bool handle_watch(lua_State *L, int index, waker_set wakers) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || event_watch(h->s, wakers);
}

/* Whether an acquire could be tried again. */
static bool permits_are_ready(lua_State *L, int index) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || permits_free(h->s) > 0 || permits_is_held_by(h->s, sync_self(L));
}

static bool permits_watch(lua_State *L, int index, waker_set wakers) {
  const struct sync_handle *h = lua_touserdata(L, index);
  if (h->s) sync_leave_wakers(h->s, wakers);
  return permits_are_ready(L, index);
}

/* ---- their types ----------------------------------------------------------------------------- */

static void extend_class(lua_State *L, const struct shared_type *type) {
  static const struct waitable waitable = {handle_is_ready, handle_watch, NULL};
  static const struct waitable permits = {permits_are_ready, permits_watch, NULL};
  if (type->flavor == SYNC_EVENT) class_set_pointer(L, &type->class, WAITABLE_FIELD, &waitable);
  if (type->flavor <= SYNC_BOUNDED_SEMAPHORE) class_set_pointer(L, &type->class, WATCHABLE_FIELD, &permits);
  shared_handle_set_function(L, "__tostring", handle_tostring);
  shared_handle_set_function(L, "__eq", shared_handle_eq);
  lua_getfield(L, -1, "__index");
  lazy_methods_complete(L);
  lua_pop(L, 1);
}

#define TYPE(of, name, methods)                                         \
  [of] = {.travels = SHARED_TRAVELS(name),                              \
          .class = {name, "manymoons." name, methods, handle_gc, NULL}, \
          .number = HANDLE_LOCK + (of)-SYNC_LOCK,                       \
          .kind = OBJECT_SYNC,                                          \
          .flavor = (of),                                               \
          .size = sizeof(struct sync_handle),                           \
          .gone = "it was closed",                                      \
          .extend = extend_class,                                       \
          .init = init_handle,                                          \
          .take = take_sync,                                            \
          .fits = is_of_kind}

static const struct shared_type types[KINDS] = {
    TYPE(SYNC_LOCK, "Lock", lock_methods),
    TYPE(SYNC_RLOCK, "RLock", rlock_methods),
    TYPE(SYNC_SEMAPHORE, "Semaphore", semaphore_methods),
    TYPE(SYNC_BOUNDED_SEMAPHORE, "BoundedSemaphore", semaphore_methods),
    TYPE(SYNC_CONDITION, "Condition", condition_methods),
    TYPE(SYNC_BARRIER, "Barrier", barrier_methods),
    TYPE(SYNC_EVENT, "Event", event_methods),
};

static void open_counts(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &counts_key);
  }
  lua_pop(L, 1);
}

void sync_open(lua_State *L) {
  held_locks_open(L);
  open_counts(L);
  for (int kind = SYNC_LOCK; kind < KINDS; kind++) shared_handle_register(L, &types[kind]);
}
