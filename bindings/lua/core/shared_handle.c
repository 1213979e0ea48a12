/* SPDX-License-Identifier: MIT */
#include "core/shared_handle.h"

#include <string.h>

#include "core/waiting.h"
#include "os/status_text.h"
#include "process/sandboxed.h"
#include "shared/holds.h"
#include "state/error.h"

/* ---- comparing ------------------------------------------------------------------------------- */

/* The handle at `index`, of any type; NULL: the value is no handle. */
static const struct shared_handle *any_at(lua_State *L, int index) {
  const struct shared_handle *h = lua_touserdata(L, index);
  if (!h || !lua_getmetatable(L, index)) return NULL;
  lua_pushliteral(L, HANDLE_FIELD);
  lua_rawget(L, -2);
  const struct handle_type *travels = lua_touserdata(L, -1);
  lua_pop(L, 2);
  if (!travels || travels->receive != shared_handle_receive) return NULL;
  return lua_rawlen(L, index) >= sizeof *h && (const void *)h->type == travels ? h : NULL;
}

/* __eq: handles of one object are equal, and so are closed handles of one kind.
 * [-0, +1, does not raise] */
static int handle_eq(lua_State *L) {
  const struct shared_handle *a = any_at(L, 1);
  const struct shared_handle *b = any_at(L, 2);
  lua_pushboolean(L, a && b && a->type->kind == b->type->kind && a->object == b->object);
  return 1;
}

/* ---- making ---------------------------------------------------------------------------------- */

void shared_handle_register(lua_State *L, const struct shared_type *type) {
  handle_register(L, type->number, &type->travels);
}

void shared_handle_set_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, "__name");
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void shared_handle_push_class(lua_State *L, const struct shared_type *type) {
  if (!class_push(L, &type->class)) return;
  class_set_pointer(L, HANDLE_FIELD, &type->travels);
  shared_handle_set_function(L, "__eq", handle_eq);
  if (type->extend) type->extend(L, type);
}

void *shared_handle_push(lua_State *L, const struct shared_type *type) {
  struct shared_handle *h = lua_newuserdata(L, type->size);
  memset(h, 0, type->size);
  h->type = type;
  if (type->init) type->init(L, h);
  shared_handle_push_class(L, type);
  lua_setmetatable(L, -2);
  return h;
}

void shared_handle_take(lua_State *L, struct shared_handle *h, struct object *object) {
  h->object = object;
  if (h->type->take) h->type->take(L, h);
}

void shared_handle_drop(struct shared_handle *h) {
  if (h->object) segment_release(h->object);
  h->object = NULL;
  h->is_closed = true;
}

void shared_handle_close(lua_State *L, int index, int descriptor) {
  struct shared_handle *h = lua_touserdata(L, index);
  if (!h->object) return;
  shared_handle_drop(h);
  waiting_close(L, index, &h->is_closed, descriptor);
}

struct object *shared_handle_hold(lua_State *L, const struct shared_handle *h) {
  if (segment_hold(h->object)) error_raise_memory(L);
  return h->object;
}

/* A wait of a caller beside which nothing of its VM runs. */
struct lone_wait {
  wait_attempt attempt;
  void *context;
  const struct object *object;
};

enum { OWN_HOLDS = 2 }; /* that of the handle, and that of the wait */

/* Asked after it was found that no other caller has the object: what another one did before it let go counts. */
static status attempt_at_last(const struct lone_wait *w, status st) {
  const status last = w->attempt(w->context, deadline_now());
  return last == STATUS_TIMEOUT || last == STATUS_EMPTY || last == STATUS_FULL ? st : last;
}

static status attempt_alone(void *context, deadline until) {
  const struct lone_wait *w = context;
  if (segment_is_sole(w->object, OWN_HOLDS)) return attempt_at_last(w, STATUS_DEADLOCK);
  return w->attempt(w->context, until);
}

status shared_handle_wait_for_others(lua_State *L, const struct shared_handle *h,
                                     const struct wait_for_others *wait, deadline until) {
  if (!deadline_is_never(until) || !waiting_is_alone(L))
    return wait_in_program(L, &h->is_closed, wait->call, wait->attempt, wait->context, until);
  struct lone_wait w = {wait->attempt, wait->context, wait->held};
  return wait_in_program(L, &h->is_closed, wait->call, attempt_alone, &w, until);
}

status shared_handle_wait(lua_State *L, const struct shared_handle *h, enum trace_call call,
                          wait_attempt attempt, void *context, deadline until) {
  struct object *held = h->object;
  const status st = segment_hold(held);
  if (st) return st;
  const status waited = wait_in_program(L, &h->is_closed, call, attempt, context, until);
  segment_release(held);
  return waited;
}

void shared_handle_raise(lua_State *L, const struct shared_handle *h, status st, const char *method) {
  if (st == STATUS_DEADLOCK) {
    lua_pushfstring(L, "%s:%s", h->type->class.name, method);
    waiting_refuse_alone(L, lua_tostring(L, -1), h->type->class.name);
  }
  raise_if_stopped(L, st);
}

static void refuse_foreign(lua_State *L, const struct shared_handle *h) {
  if (!segment_has(h->object))
    luaL_error(L, "%s: it belongs to the process that forked this one", h->type->class.name);
}

void shared_handle_refuse_closed(lua_State *L, const struct shared_handle *h) {
  if (!h->object) luaL_error(L, "%s: used after %s", h->type->class.name, h->type->gone);
  refuse_foreign(L, h);
}

void shared_handle_refuse_foreign(lua_State *L, int index) {
  const struct shared_handle *h = any_at(L, index);
  if (h && h->object) refuse_foreign(L, h);
}

/* ---- checking -------------------------------------------------------------------------------- */

void *shared_handle_at(lua_State *L, int index, const struct shared_type *types, int count) {
  struct shared_handle *h = lua_touserdata(L, index);
  if (!h || lua_rawlen(L, index) != types->size) return NULL; /* a light userdata has length 0 */
  for (int i = 0; i < count; i++)
    if (h->type == &types[i]) return h;
  return NULL;
}

void *shared_handle_check_any(lua_State *L, int index, const struct shared_type *types, int count) {
  struct shared_handle *h = shared_handle_at(L, index, types, count);
  if (!h) return class_check(L, index, &types->class); /* raises */
  shared_handle_refuse_closed(L, h);
  return h;
}

/* ---- travelling ------------------------------------------------------------------------------ */

uint64_t shared_handle_send(lua_State *L, int index) {
  const struct shared_handle *h = lua_touserdata(L, index);
  if (!h->object) luaL_error(L, "%s: sent after %s", h->type->class.name, h->type->gone);
  shared_handle_refuse_closed(L, h);
  if (segment_hold(h->object)) error_raise_memory(L);
  return segment_object_ref(h->object);
}

static status find_and_hold(const struct shared_type *type, uint64_t reference, struct object **out) {
  const status st = segment_find(reference, type->kind, out);
  if (st) return st;
  if (type->fits && !type->fits(type, *out)) return STATUS_FOREIGN;
  return segment_hold(*out);
}

void shared_handle_receive(lua_State *L, const struct handle_type *travels, uint64_t reference) {
  const struct shared_type *type = (const struct shared_type *)(const void *)travels;
  if (sandboxed_is())
    luaL_error(L, "%s: cannot be used in a sandboxed worker, because it is memory of the program",
               type->class.name);
  struct shared_handle *h = shared_handle_push(L, type);
  struct object *object = NULL;
  char text[STATUS_TEXT_MAX];
  const status st = find_and_hold(type, reference, &object);
  if (st) luaL_error(L, "%s: %s", type->class.name, status_text(st, text));
  shared_handle_take(L, h, object);
}
