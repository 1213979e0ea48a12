/* SPDX-License-Identifier: MIT */
#include "sync.h"

#include "channel/message.h"
#include "held.h"
#include "lazy_methods.h"
#include "shared/barrier.h"
#include "shared/condition.h"
#include "shared/permits.h"
#include "state/handle.h"
#include "state/vm.h"
#include "wait_any.h"
#include "wire/handles.h"

enum { KINDS = SYNC_EVENT + 1 };

/* Both defined below the methods. */
static const struct handle_class classes[KINDS];
static const struct handle_type types[KINDS];

/* ---- handles --------------------------------------------------------------------------------- */

struct sync_handle *sync_at(lua_State *L, int index) {
  struct sync_handle *h = lua_touserdata(L, index);
  if (!h || lua_islightuserdata(L, index) || lua_rawlen(L, index) != sizeof *h) return NULL;
  for (int kind = SYNC_LOCK; kind < KINDS; kind++)
    if (h->type == &types[kind]) return h;
  return NULL;
}

struct sync_handle *sync_check(lua_State *L, int index, enum sync_kind kind) {
  struct sync_handle *h = sync_at(L, index);
  if (!h || h->type != &types[kind]) return class_check(L, index, &classes[kind]);
  if (!h->s) luaL_error(L, "%s: used after it was closed", classes[kind].name);
  return h;
}

struct sync_agent sync_self(lua_State *L) {
  const struct vm_thread *t = vm_self(vm_of(L));
  return (struct sync_agent){commons_slot(), (uint64_t)(uintptr_t)(t->task ? t->task : (const void *)t)};
}

/* The metatable: made when it is first needed, for most VMs need none of these. Defined below the methods. */
static void push_class(lua_State *L, enum sync_kind kind);

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

/* The handle has the object from now on, whose hold it takes over. */
static void set_object(lua_State *L, struct sync_handle *h, struct sync *s) {
  h->s = s;
  (void)change_count(L, s, 1);
}

static struct sync_handle *push_handle(lua_State *L, enum sync_kind kind) {
  struct sync_handle *h = lua_newuserdata(L, sizeof *h);
  *h = (struct sync_handle){.type = &types[kind], .held = held_of(L)};
  push_class(L, kind);
  lua_setmetatable(L, -2);
  return h;
}

void sync_push(lua_State *L, struct sync *s, bool never_waits) {
  struct sync_handle *h = push_handle(L, (enum sync_kind)s->kind);
  h->never_waits = never_waits;
  set_object(L, h, s);
}

static enum sync_kind kind_called(lua_State *L, int index) {
  const char *name = luaL_checkstring(L, index);
  int kind = SYNC_LOCK;
  while (kind < KINDS && strcmp(classes[kind].name, name) != 0) kind++;
  return kind < KINDS ? (enum sync_kind)kind : (enum sync_kind)luaL_argerror(L, index, "no such kind");
}

int sync_new(lua_State *L) {
  const enum sync_kind kind = kind_called(L, 1);
  const uint64_t initial = (uint64_t)luaL_optnumber(L, 2, 1);
  struct sync_handle *h = push_handle(L, kind);
  h->never_waits = lua_toboolean(L, 3);
  struct sync *s = NULL;
  const status st = sync_make(kind, initial, &s);
  if (st) return return_failure(L, st);
  set_object(L, h, s);
  return 1;
}

int sync_methods(lua_State *L) {
  push_class(L, kind_called(L, 1));
  lua_getfield(L, -1, "__index");
  return 1;
}

/* A VM that has died and had the barrier will not come to it any more. */
static int handle_gc(lua_State *L) {
  struct sync_handle *h = sync_at(L, 1);
  if (!h || !h->s) return 0;
  if (h->s->kind == SYNC_BARRIER && held_has_died(h->held)) barrier_break(h->s);
  if (change_count(L, h->s, -1) <= 0) held_forget(h->held, h->s);
  commons_release(&h->s->object);
  h->s = NULL;
  return 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void push_holder(lua_State *L, struct sync_agent holder) {
  const struct sync_agent self = sync_self(L);
  const int pid = (int)commons_roster()->slots[holder.slot].id.pid;
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
  lua_pushfstring(L, "%s: %s", h->type->name, lua_tostring(L, -1));
  return 1;
}

/* Two handles on one object are equal. */
static int handle_eq(lua_State *L) {
  const struct sync_handle *a = sync_at(L, 1);
  const struct sync_handle *b = sync_at(L, 2);
  lua_pushboolean(L, a && b && a->s == b->s);
  return 1;
}

static const struct handle_class classes[KINDS] = {
    [SYNC_LOCK] = {"Lock", "manymoons.Lock", lock_methods, handle_gc, NULL},
    [SYNC_RLOCK] = {"RLock", "manymoons.RLock", rlock_methods, handle_gc, NULL},
    [SYNC_SEMAPHORE] = {"Semaphore", "manymoons.Semaphore", semaphore_methods, handle_gc, NULL},
    [SYNC_BOUNDED_SEMAPHORE] = {"BoundedSemaphore", "manymoons.BoundedSemaphore", semaphore_methods,
                                handle_gc, NULL},
    [SYNC_CONDITION] = {"Condition", "manymoons.Condition", condition_methods, handle_gc, NULL},
    [SYNC_BARRIER] = {"Barrier", "manymoons.Barrier", barrier_methods, handle_gc, NULL},
    [SYNC_EVENT] = {"Event", "manymoons.Event", event_methods, handle_gc, NULL},
};

/* ---- waiting among other things -------------------------------------------------------------- */

static bool handle_is_ready(lua_State *L, int index) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || event_is_set(h->s);
}

static bool handle_watch(lua_State *L, int index, bell_set bells) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || event_watch(h->s, bells);
}

/* Whether an acquire could be tried again. */
static bool permits_are_ready(lua_State *L, int index) {
  const struct sync_handle *h = lua_touserdata(L, index);
  return !h->s || permits_free(h->s) > 0 || permits_is_held_by(h->s, sync_self(L));
}

static bool permits_watch(lua_State *L, int index, bell_set bells) {
  const struct sync_handle *h = lua_touserdata(L, index);
  if (h->s) sync_leave_bells(h->s, bells);
  return permits_are_ready(L, index);
}

/* ---- travelling ------------------------------------------------------------------------------ */

static uint64_t handle_send(lua_State *L, int index) {
  const struct sync_handle *h = lua_touserdata(L, index);
  if (!h->s) luaL_error(L, "%s: sent after it was closed", h->type->name);
  if (commons_hold(&h->s->object)) luaL_error(L, "not enough memory");
  return commons_object_ref(&h->s->object);
}

static void receive_as(lua_State *L, uint64_t reference, enum sync_kind kind) {
  struct sync_handle *h = push_handle(L, kind);
  struct object *object = NULL;
  status st = commons_find(reference, OBJECT_SYNC, &object);
  if (st == STATUS_OK && ((struct sync *)(void *)object)->kind != kind) st = STATUS_FOREIGN;
  if (st == STATUS_OK) st = commons_hold(object);
  char text[STATUS_TEXT_MAX];
  if (st) luaL_error(L, "%s: %s", classes[kind].name, status_text(st, text));
  set_object(L, h, (struct sync *)(void *)object);
}

#define KINDS_OF_HANDLES(x)                                                                            \
  x(LOCK, "Lock") x(RLOCK, "RLock") x(SEMAPHORE, "Semaphore") x(BOUNDED_SEMAPHORE, "BoundedSemaphore") \
      x(CONDITION, "Condition") x(BARRIER, "Barrier") x(EVENT, "Event")

#define RECEIVE(kind, name)                                                                      \
  static void receive_##kind(lua_State *L, const struct handle_type *type, uint64_t reference) { \
    (void)type;                                                                                  \
    receive_as(L, reference, SYNC_##kind);                                                       \
  }
KINDS_OF_HANDLES(RECEIVE)

static const struct handle_type types[KINDS] = {
#define TYPE(kind, name) [SYNC_##kind] = {name, handle_send, receive_##kind, message_drop_reference},
    KINDS_OF_HANDLES(TYPE)};

static void set_metamethod(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

static void push_class(lua_State *L, enum sync_kind kind) {
  static const struct waitable waitable = {handle_is_ready, handle_watch, NULL};
  static const struct waitable permits = {permits_are_ready, permits_watch, NULL};
  luaL_getmetatable(L, classes[kind].key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  class_register(L, &classes[kind]);
  class_set_pointer(L, &classes[kind], HANDLE_FIELD, &types[kind]);
  if (kind == SYNC_EVENT) class_set_pointer(L, &classes[kind], WAITABLE_FIELD, &waitable);
  if (kind <= SYNC_BOUNDED_SEMAPHORE) class_set_pointer(L, &classes[kind], WATCHABLE_FIELD, &permits);
  luaL_getmetatable(L, classes[kind].key);
  set_metamethod(L, "__tostring", handle_tostring);
  set_metamethod(L, "__eq", handle_eq);
  lua_getfield(L, -1, "__index");
  lazy_methods_complete(L);
  lua_pop(L, 1);
}

static void open_counts(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &counts_key);
  }
  lua_pop(L, 1);
}

void sync_open(lua_State *L) {
  held_open(L);
  open_counts(L);
  for (int kind = SYNC_LOCK; kind < KINDS; kind++)
    handle_register(L, HANDLE_LOCK + kind - SYNC_LOCK, &types[kind]);
}
