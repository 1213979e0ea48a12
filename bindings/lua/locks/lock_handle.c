/* SPDX-License-Identifier: MIT */
#include "locks/lock_handle.h"

#include "core/lazy_methods.h"
#include "locks/held_locks.h"
#include "shared/barrier.h"
#include "state/vm.h"

static const struct shared_type types[LOCK_KINDS]; /* defined below; indexed by the kind */

static const struct lock_class *const classes[LOCK_KINDS] = {
#define KIND(id, number, name, rules, waiters, holds, class) [LOCK_KIND_##id] = &class##_class,
#include "shared/lock_kinds.def"
};

/* ---- handles --------------------------------------------------------------------------------- */

struct lock_handle *lock_handle_at(lua_State *L, int index) {
  return shared_handle_at(L, index, &types[LOCK_KIND_NONE + 1], LOCK_KINDS - 1);
}

struct lock_handle *lock_handle_check(lua_State *L, int index, enum lock_kind kind) {
  return shared_handle_check(L, index, &types[kind]);
}

struct execution_context lock_handle_caller(lua_State *L) {
  return lock_handle_caller_in(vm_of(L));
}

struct execution_context lock_handle_caller_in(struct vm *vm) {
  const struct vm_thread *t = vm_self(vm);
  return (struct execution_context){segment_slot(),
                                    (uint64_t)(uintptr_t)(t->task ? t->task : (const void *)t)};
}

/* How many handles this VM has on each object, by its address: a table in the registry. */
static const char counts_key = 'c'; /* its address is the key; never written */

/* [-0, +0, memory], and where it gets less nothing is allocated */
static int change_count(lua_State *L, const struct synchronizer *s, int by) {
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
  struct lock_handle *h = handle;
  h->held_locks = held_locks_of(L);
}

static void take_object(lua_State *L, void *handle) {
  struct lock_handle *h = handle;
  h->s = (struct synchronizer *)(void *)h->shared.object;
  (void)change_count(L, h->s, 1);
}

static bool is_of_kind(const struct shared_type *type, const struct object *object) {
  return (int)((const struct synchronizer *)(const void *)object)->kind == type->flavor;
}

void lock_handle_push(lua_State *L, struct synchronizer *s, bool never_waits) {
  struct lock_handle *h = shared_handle_push(L, &types[s->kind]);
  h->never_waits = never_waits;
  shared_handle_take(L, &h->shared, &s->object);
}

static enum lock_kind kind_called(lua_State *L, int index) {
  const char *name = luaL_checkstring(L, index);
  int kind = LOCK_KIND_NONE + 1;
  while (kind < LOCK_KINDS && strcmp(lock_kinds[kind].name, name) != 0) kind++;
  return kind < LOCK_KINDS ? (enum lock_kind)kind : (enum lock_kind)luaL_argerror(L, index, "no such kind");
}

int lock_handle_new(lua_State *L) {
  const enum lock_kind kind = kind_called(L, 1);
  const uint64_t initial = (uint64_t)luaL_optnumber(L, 2, 1);
  const bool never_waits = lua_toboolean(L, 3);
  struct lock_handle *h = shared_handle_push(L, &types[kind]);
  h->never_waits = never_waits;
  struct synchronizer *s = NULL;
  const status st = synchronizer_make(kind, initial, &s);
  if (st) return return_failure(L, st);
  shared_handle_take(L, &h->shared, &s->object);
  return 1;
}

int lock_handle_methods(lua_State *L) {
  shared_handle_push_class(L, &types[kind_called(L, 1)]);
  lua_getfield(L, -1, "__index");
  return 1;
}

int lock_handle_kinds(lua_State *L) {
  static const char *const holdings[] = {
      [HOLD_NOTHING] = "nothing", [HOLD_ONE] = "one",         [HOLD_RECURSIVE] = "recursive",
      [HOLD_PERMITS] = "permits", [HOLD_BOUNDED] = "bounded", [HOLD_SHARED] = "shared"};
  lua_newtable(L);
  for (int kind = LOCK_KIND_NONE + 1; kind < LOCK_KINDS; kind++) {
    lua_newtable(L);
    lua_pushstring(L, lock_kinds[kind].name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, holdings[lock_kinds[kind].holds]);
    lua_setfield(L, -2, "holds");
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, lock_kinds[kind].name);
    lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  }
  return 1;
}

/* What the VM holds ends with its last handle on the object. A VM that has died and had the barrier will not
 * come to it any more. */
static void give_back(lua_State *L, struct lock_handle *h) {
  struct synchronizer *s = h->s;
  if (!s) return;
  h->s = NULL;
  if (s->kind == LOCK_KIND_BARRIER && held_locks_has_died(h->held_locks)) barrier_break(s);
  if (change_count(L, s, -1) <= 0) held_locks_forget(h->held_locks, s);
}

static int collect_handle(lua_State *L) {
  struct lock_handle *h = lock_handle_at(L, 1);
  if (!h) return 0;
  give_back(L, h);
  shared_handle_drop(&h->shared);
  return 0;
}

static int close_handle(lua_State *L) REQUIRES(rank_vm) {
  struct lock_handle *h = lock_handle_at(L, 1);
  if (!h) return raise_type(L, 1, "lock");
  give_back(L, h);
  shared_handle_close(L, 1, -1);
  return 0;
}

/* ---- texts ----------------------------------------------------------------------------------- */

void lock_handle_push_holder(lua_State *L, struct execution_context holder) {
  const struct execution_context self = lock_handle_caller(L);
  const int pid = (int)segment_process_table()->slots[holder.slot].id.pid;
  const bool is_here = holder.slot == self.slot;
  const char *whose = !is_here ? "" : holder.thread == self.thread ? ", this thread" : ", another thread";
  lua_pushfstring(L, "held by process %d%s", pid, whose);
}

static int handle_tostring(lua_State *L) {
  const struct lock_handle *h = lock_handle_at(L, 1);
  if (!h || !h->s) {
    lua_pushliteral(L, "closed lock");
    return 1;
  }
  classes[h->s->kind]->push_state(L, h->s);
  lua_pushfstring(L, "%s: %s", h->shared.type->class.name, lua_tostring(L, -1));
  return 1;
}

/* ---- their types ----------------------------------------------------------------------------- */

static void extend_class(lua_State *L, const struct shared_type *type) {
  const struct lock_class *class = classes[type->flavor];
  if (class->waitable) class_set_pointer(L, WAITABLE_FIELD, class->waitable);
  if (class->watchable) class_set_pointer(L, WATCHABLE_FIELD, class->watchable);
  shared_handle_set_function(L, "__tostring", handle_tostring);
  lua_getfield(L, -1, "__index");
  lazy_methods_complete(L);
  lua_pop(L, 1);
}

#define KIND(id, wire_number, text, rules, places, holds, class_of) \
  [LOCK_KIND_##id] = {.travels = SHARED_TRAVELS(text),              \
                      .class = {.name = (text),                     \
                                .key = "manymoons." text,           \
                                .methods = class_of##_methods,      \
                                .close = close_handle,              \
                                .collect = collect_handle,          \
                                .waiting = class_of##_waits},       \
                      .number = HANDLE_##id,                        \
                      .kind = OBJECT_SYNCHRONIZER,                  \
                      .flavor = LOCK_KIND_##id,                     \
                      .size = sizeof(struct lock_handle),           \
                      .gone = "it was closed",                      \
                      .extend = extend_class,                       \
                      .init = init_handle,                          \
                      .take = take_object,                          \
                      .fits = is_of_kind},

static const struct shared_type types[LOCK_KINDS] = {
#include "shared/lock_kinds.def"
};

static void open_counts(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &counts_key);
  }
  lua_pop(L, 1);
}

void lock_handle_open(lua_State *L) {
  held_locks_open(L);
  open_counts(L);
  for (int kind = LOCK_KIND_NONE + 1; kind < LOCK_KINDS; kind++) shared_handle_register(L, &types[kind]);
}
