/* SPDX-License-Identifier: MIT */
/* Value and Array share their methods: the first argument of an Array's method is the index of an
 * element, a Value's method has no index.
 */
#include "memory/typed_array.h"

#include <stdio.h>
#include <string.h>

#include "core/shared_handle.h"
#include "locks/lock_handle.h"
#include "memory/array_element.h"
#include "os/status_text.h"

enum flavor { VALUE, ARRAY, FLAVORS };

static const struct shared_type types[FLAVORS]; /* defined below the methods */

/* ---- handles and arguments ------------------------------------------------------------------- */

struct array_handle {
  struct shared_handle shared;
  struct array_view view; /* while it is open */
};

static struct shared_handle *handle_at(lua_State *L, int index) {
  return shared_handle_at(L, index, types, FLAVORS);
}

static const struct array_view *view_of(const struct shared_handle *h) {
  return &((const struct array_handle *)(const void *)h)->view;
}

static const struct array_view *check_array(lua_State *L, int index, enum flavor flavor) {
  return view_of(shared_handle_check(L, index, &types[flavor]));
}

/* The element that a method addresses, and the index of the method's next argument. */
struct target {
  const struct array_view *m;
  const struct array_element_type *type;
  uint64_t index;
  int next;
  const char *name;
};

/* Pushes the number as text, for a message. [-0, +1, memory] */
static const char *push_number(lua_State *L, lua_Number x) {
  char text[48];
  snprintf(text, sizeof text, "%.17g", x);
  lua_pushstring(L, x != x ? "nan" : text);
  return lua_tostring(L, -1);
}
static const char *push_count(lua_State *L, uint64_t count) { return push_number(L, (lua_Number)count); }

static void check_index(lua_State *L, const struct array_view *m, int index, uint64_t *out) {
  const lua_Number i = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : 0;
  if (!(i >= 1 && i <= (lua_Number)m->count) || i != (lua_Number)(uint64_t)i) {
    const char *most = push_count(L, m->count);
    luaL_error(L, "Array: index %s is not within 1 to %s", argument_shown(L, index), most);
  }
  *out = (uint64_t)i - 1;
}

static struct target check_target(lua_State *L) {
  const struct shared_handle *h = shared_handle_check_any(L, 1, types, FLAVORS);
  struct target t = {.m = view_of(h), .next = 2, .name = h->type->class.name};
  t.type = t.m->type;
  if (h->type == &types[ARRAY]) check_index(L, t.m, t.next++, &t.index);
  return t;
}

NO_RETURN static void raise_unfit(lua_State *L, int index, const char *name) {
  const char *why = lua_tostring(L, -1);
  luaL_error(L, "%s: %s %s", name, argument_shown(L, index), why);
  __builtin_unreachable();
}

static uint64_t check_element(lua_State *L, int index, const struct array_element_type *type,
                              const char *name) {
  uint64_t bits = 0;
  index = lua_absindex(L, index);
  if (!array_element_read(L, index, type, &bits)) raise_unfit(L, index, name);
  return bits;
}

/* The arguments first and last, from 1, at `index` and `index` + 1 (all elements by default), as
 * [first, first + count) from 0. */
struct range {
  uint64_t first;
  uint64_t count;
};

static struct range check_range(lua_State *L, const struct array_view *m, int index) {
  const lua_Number first = luaL_optnumber(L, index, 1);
  const lua_Number last = luaL_optnumber(L, index + 1, (lua_Number)m->count);
  const bool is_right = first >= 1 && first == (lua_Number)(uint64_t)first && last <= (lua_Number)m->count &&
                        last >= first - 1 && last == (lua_Number)(uint64_t)last;
  if (!is_right)
    luaL_error(L, "Array: %s to %s is not within 1 to %s", push_number(L, first), push_number(L, last),
               push_count(L, m->count));
  return (struct range){(uint64_t)first - 1, (uint64_t)(last - first + 1)};
}

/* ---- one element ----------------------------------------------------------------------------- */

static int array_index(lua_State *L) {
  if (lua_type(L, 2) != LUA_TNUMBER) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
  }
  const struct target t = check_target(L);
  array_element_push(L, t.type, typed_array_load(t.m, t.index));
  return 1;
}

static int array_newindex(lua_State *L) {
  const struct target t = check_target(L);
  typed_array_store(t.m, t.index, check_element(L, 3, t.type, t.name));
  return 0;
}

static bool is_word_value(lua_State *L) {
  return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "value") == 0;
}

static int value_index(lua_State *L) {
  if (!is_word_value(L)) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
  }
  const struct target t = check_target(L);
  array_element_push(L, t.type, typed_array_load(t.m, 0));
  return 1;
}

static int value_newindex(lua_State *L) {
  const struct target t = check_target(L);
  if (!is_word_value(L)) luaL_error(L, "Value: only 'value' can be assigned");
  typed_array_store(t.m, 0, check_element(L, 3, t.type, t.name));
  return 0;
}

/* add(n) → the sum. [-0, +1, raises] */
static int typed_array_add_method(lua_State *L) {
  const struct target t = check_target(L);
  uint64_t seen = typed_array_load(t.m, t.index);
  uint64_t sum = 0;
  do {
    if (!array_element_add(L, t.type, seen, t.next, &sum)) {
      const char *why = lua_tostring(L, -1);
      const char *operand = argument_shown(L, t.next);
      array_element_push(L, t.type, seen);
      luaL_error(L, "%s:add: %s + %s %s", t.name, lua_tostring(L, -1), operand, why);
    }
  } while (!typed_array_compare_exchange(t.m, t.index, &seen, sum));
  array_element_push(L, t.type, sum);
  return 1;
}

/* cas(old, new) → whether the element was old, and now is new. [-0, +1, raises] */
static int typed_array_cas_method(lua_State *L) {
  const struct target t = check_target(L);
  uint64_t expected = check_element(L, t.next, t.type, t.name);
  const uint64_t bits = check_element(L, t.next + 1, t.type, t.name);
  lua_pushboolean(L, typed_array_compare_exchange(t.m, t.index, &expected, bits));
  return 1;
}

/* exchange(new) → the old number. [-0, +1, raises] */
static int typed_array_exchange_method(lua_State *L) {
  const struct target t = check_target(L);
  array_element_push(L, t.type, typed_array_exchange(t.m, t.index, check_element(L, t.next, t.type, t.name)));
  return 1;
}

/* max(x), min(x): sets the element to the greater or lesser of both, and returns it.
 * [-0, +1, raises] */
static int settle_extreme(lua_State *L, bool is_max) {
  const struct target t = check_target(L);
  const uint64_t bits = check_element(L, t.next, t.type, t.name);
  uint64_t seen = typed_array_load(t.m, t.index);
  while (is_max ? array_element_is_less(t.type, seen, bits) : array_element_is_less(t.type, bits, seen)) {
    if (!typed_array_compare_exchange(t.m, t.index, &seen, bits)) continue;
    seen = bits;
    break;
  }
  array_element_push(L, t.type, seen);
  return 1;
}

static int typed_array_max_method(lua_State *L) { return settle_extreme(L, true); }
static int typed_array_min_method(lua_State *L) { return settle_extreme(L, false); }

/* ---- many elements --------------------------------------------------------------------------- */

static int array_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_array(L, 1, ARRAY)->count);
  return 1;
}

/* fill(x, first, last) → the array. [-0, +1, raises] */
static int array_fill(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  const uint64_t bits = check_element(L, 2, m->type, "Array");
  const struct range r = check_range(L, m, 3);
  typed_array_fill(m, r.first, r.count, bits);
  lua_settop(L, 1);
  return 1;
}

/* slice(first, last) → a list. [-0, +1, raises] */
static int array_slice(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  const struct range r = check_range(L, m, 2);
  if (r.count > INT32_MAX) luaL_error(L, "Array:slice: too many for a list");
  lua_createtable(L, (int)r.count, 0);
  check_array(L, 1, ARRAY); /* a finalizer may have closed it */
  for (uint64_t i = 0; i < r.count; i++) {
    array_element_push(L, m->type, typed_array_load(m, r.first + i));
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

/* bytes(first, last) → a string of the elements in native byte order. [-0, +1, raises] */
static int array_bytes(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  const struct range r = check_range(L, m, 2);
  lua_pushlstring(L, (const char *)m->data + r.first * m->size, r.count * m->size);
  return 1;
}

/* The place, from 0, of the index at 3; raises unless `count` elements fit from there on. */
static uint64_t check_room(lua_State *L, const struct array_view *m, uint64_t count) {
  const lua_Number at = luaL_optnumber(L, 3, 1);
  if (!(at >= 1) || at != (lua_Number)(uint64_t)at || (uint64_t)at - 1 + count > m->count)
    luaL_error(L, "Array:copy: %s elements from index %s on are not within 1 to %s", push_count(L, count),
               push_number(L, at), push_count(L, m->count));
  return (uint64_t)at - 1;
}

static void copy_list(lua_State *L, const struct array_view *m) {
  const uint64_t count = lua_rawlen(L, 2);
  const uint64_t first = check_room(L, m, count);
  for (uint64_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (int)i + 1);
    typed_array_store(m, first + i, check_element(L, -1, m->type, "Array"));
    lua_pop(L, 1);
  }
}

static void copy_bytes(lua_State *L, const struct array_view *m) {
  size_t size = 0;
  const char *bytes = lua_tolstring(L, 2, &size);
  if (size % m->size)
    luaL_error(L, "Array:copy: %d bytes are not a whole number of %s", (int)size, m->type->name);
  memcpy(m->data + check_room(L, m, size / m->size) * m->size, bytes, size);
}

static void copy_array(lua_State *L, const struct array_view *m, const struct array_view *from) {
  const uint64_t first = check_room(L, m, from->count);
  if (from->type == m->type) {
    memmove(m->data + first * m->size, from->data, from->count * m->size);
    return;
  }
  for (uint64_t i = 0; i < from->count; i++) {
    array_element_push(L, from->type, typed_array_load(from, i));
    typed_array_store(m, first + i, check_element(L, -1, m->type, "Array"));
    lua_pop(L, 1);
  }
}

/* copy(source, at) → the array. The source is a list, a string of elements or another Array,
 * copied from `at` on. An element that does not fit raises; those before it were copied. [-0,
 * +1, raises] */
static int array_copy(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  if (lua_istable(L, 2))
    copy_list(L, m);
  else if (lua_type(L, 2) == LUA_TSTRING)
    copy_bytes(L, m);
  else if (handle_at(L, 2))
    copy_array(L, m, check_array(L, 2, ARRAY));
  else
    luaL_argerror(L, 2, "a list, a string or an Array expected");
  lua_settop(L, 1);
  return 1;
}

static int next_element(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  const uint64_t i = (uint64_t)luaL_checknumber(L, 2);
  if (i >= m->count) return 0;
  lua_pushinteger(L, (lua_Integer)i + 1);
  array_element_push(L, m->type, typed_array_load(m, i));
  return 2;
}

/* for i, x in a:iter() do; pairs(a) does the same where Lua has __pairs. [-0, +3, raises] */
static int array_iter(lua_State *L) {
  check_array(L, 1, ARRAY);
  lua_pushcfunction(L, next_element);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

/* ---- both ------------------------------------------------------------------------------------ */

static const struct array_view *check_either(lua_State *L) {
  const struct shared_handle *h = handle_at(L, 1);
  return check_array(L, 1, h && h->type == &types[VALUE] ? VALUE : ARRAY);
}

static int typed_array_pointer_method(lua_State *L) {
  lua_pushlightuserdata(L, check_either(L)->data);
  return 1;
}

static int typed_array_type_name_method(lua_State *L) {
  lua_pushstring(L, check_either(L)->type->name);
  return 1;
}

/* lock() → the RLock of this array, the same one at each call. [-0, +1, raises] */
static int typed_array_lock_method(lua_State *L) {
  struct synchronizer *s = NULL;
  char text[STATUS_TEXT_MAX];
  const status st = synchronizer_beside(&check_either(L)->array->lock, &s);
  if (st) luaL_error(L, "lock: %s", status_text(st, text));
  lock_handle_push(L, s, false);
  return 1;
}

static int typed_array_tostring_method(lua_State *L) {
  const struct shared_handle *h = handle_at(L, 1);
  if (!h || !h->object) {
    lua_pushliteral(L, "closed memory");
    return 1;
  }
  const struct array_view *m = view_of(h);
  if (h->type == &types[ARRAY]) {
    lua_pushfstring(L, "Array: %d of %s", (int)m->count, m->type->name);
  } else {
    array_element_push(L, m->type, typed_array_load(m, 0));
    lua_pushfstring(L, "Value: %s %s", m->type->name, lua_tostring(L, -1));
  }
  return 1;
}

static int typed_array_close_method(lua_State *L) REQUIRES(rank_vm) {
  if (!handle_at(L, 1)) check_either(L);
  shared_handle_close(L, 1, -1);
  return 0;
}

static int typed_array_collect(lua_State *L) {
  shared_handle_drop(lua_touserdata(L, 1));
  return 0;
}

static const luaL_Reg value_methods[] = {
    {"add", typed_array_add_method},           {"cas", typed_array_cas_method},
    {"exchange", typed_array_exchange_method}, {"max", typed_array_max_method},
    {"min", typed_array_min_method},           {"lock", typed_array_lock_method},
    {"get_lock", typed_array_lock_method},     {"pointer", typed_array_pointer_method},
    {"type", typed_array_type_name_method},    {NULL, NULL}};
static const luaL_Reg array_methods[] = {{"fill", array_fill}, {"slice", array_slice}, {"bytes", array_bytes},
                                         {"copy", array_copy}, {"iter", array_iter},   {NULL, NULL}};

/* ---- making and travelling ------------------------------------------------------------------- */

/* Makes __index look up methods first and then call `index`, for elements. [-0, +0, memory] */
static void set_index(lua_State *L, lua_CFunction index) {
  lua_getfield(L, -1, "__index");
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
}

static void extend_class(lua_State *L, const struct shared_type *type) {
  const bool is_array = type == &types[ARRAY];
  shared_handle_set_function(L, "__tostring", typed_array_tostring_method);
  shared_handle_set_function(L, "__newindex", is_array ? array_newindex : value_newindex);
  if (is_array) {
    shared_handle_set_function(L, "__len", array_len);
    shared_handle_set_function(L, "__pairs", array_iter);
  }
  set_index(L, is_array ? array_index : value_index);
}

static void take_view(lua_State *L, void *handle) {
  struct array_handle *h = handle;
  (void)L;
  h->view = typed_array_view((struct typed_array *)(void *)h->shared.object);
}

static const struct shared_type types[FLAVORS] = {
    [VALUE] = {.travels = SHARED_TRAVELS("Value"),
               .class = {.name = "Value",
                         .key = "manymoons.Value",
                         .methods = value_methods,
                         .close = typed_array_close_method,
                         .collect = typed_array_collect},
               .number = HANDLE_VALUE,
               .kind = OBJECT_TYPED_ARRAY,
               .size = sizeof(struct array_handle),
               .gone = "close",
               .extend = extend_class,
               .take = take_view},
    [ARRAY] = {.travels = SHARED_TRAVELS("Array"),
               .class = {.name = "Array",
                         .key = "manymoons.Array",
                         .methods = value_methods,
                         .close = typed_array_close_method,
                         .collect = typed_array_collect,
                         .more = array_methods},
               .number = HANDLE_ARRAY,
               .kind = OBJECT_TYPED_ARRAY,
               .size = sizeof(struct array_handle),
               .gone = "close",
               .extend = extend_class,
               .take = take_view},
};

int typed_array_new(lua_State *L) {
  static const char *const names[] = {"Value", "Array", NULL};
  const enum flavor flavor = (enum flavor)luaL_checkoption(L, 1, NULL, names);
  const struct array_element_type *type = element_type_called(luaL_checkstring(L, 2));
  luaL_argcheck(L, type, 2, "a type expected");
  const uint64_t count = (uint64_t)luaL_checknumber(L, 3);
  struct shared_handle *h = shared_handle_push(L, &types[flavor]);
  struct typed_array *m = NULL;
  status st = typed_array_make(type, count, &m);
  if (refusal_collected(L, st)) st = typed_array_make(type, count, &m);
  if (st) return return_memory_failure(L, st, NULL, count * type->size);
  shared_handle_take(L, h, &m->object);
  return 1;
}

void typed_array_open(lua_State *L) {
  for (int i = 0; i < FLAVORS; i++) shared_handle_register(L, &types[i]);
}
