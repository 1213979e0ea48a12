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
#include "state/library.h"

enum flavor { VALUE, ARRAY, FLAVORS };

static const struct shared_type types[FLAVORS]; /* defined below the methods */

/* ---- handles and arguments ------------------------------------------------------------------- */

struct array_handle {
  struct shared_handle shared;
  struct array_view view; /* while it is open: the whole array, or a part of it */
  uint64_t first;         /* of the view's elements in the array, from 0 */
  uint64_t whole;         /* how many the array has */
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

static bool is_word_value(lua_State *L) {
  return lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "value") == 0;
}

/* The field `value` of an array of char: the text before its first zero byte. Nothing of another one. [-0, +0|1, raises] */
static int push_text(lua_State *L) {
  const struct array_view *m = check_array(L, 1, ARRAY);
  if (m->type->class != ELEMENT_CHAR) return 0;
  lua_pushlstring(L, (const char *)m->data, strnlen((const char *)m->data, m->count));
  return 1;
}

/* The text, and a zero byte behind it where there is room; what follows stays. [-0, +0, raises] */
static void set_text(lua_State *L, const struct array_view *m) {
  size_t size = 0;
  if (m->type->class != ELEMENT_CHAR)
    luaL_error(L, "Array: only an Array of char has a value, which is text");
  if (lua_type(L, 3) != LUA_TSTRING)
    luaL_error(L, "Array: value: a string expected, got %s", luaL_typename(L, 3));
  const char *text = lua_tolstring(L, 3, &size);
  if (size > m->count)
    luaL_error(L, "Array: value: at most %s bytes expected, got %s", push_count(L, m->count),
               push_count(L, size));
  memcpy(m->data, text, size);
  if (size < m->count) m->data[size] = 0;
}

static int array_index(lua_State *L) {
  if (lua_type(L, 2) != LUA_TNUMBER) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return lua_isnil(L, -1) && is_word_value(L) ? push_text(L) : 1;
  }
  const struct target t = check_target(L);
  array_element_push(L, t.type, typed_array_load(t.m, t.index));
  return 1;
}

static int array_newindex(lua_State *L) {
  if (is_word_value(L)) {
    set_text(L, check_array(L, 1, ARRAY));
    return 0;
  }
  const struct target t = check_target(L);
  typed_array_store(t.m, t.index, check_element(L, 3, t.type, t.name));
  return 0;
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

/* ---- views ----------------------------------------------------------------------------------- */

/* Makes the handle one of a part of what it has. */
static void narrow(struct array_handle *h, struct range r) {
  h->view.data += r.first * h->view.size;
  h->view.count = r.count;
  h->first += r.first;
}

/* view(first, last) → an Array of these elements, which are the same memory. [-0, +1, raises] */
static int array_view_method(lua_State *L) {
  const struct range r = check_range(L, check_array(L, 1, ARRAY), 2);
  struct array_handle *h = shared_handle_push(L, &types[ARRAY]);
  (void)check_array(L, 1, ARRAY); /* a finalizer may have closed it */
  const struct array_handle *from = lua_touserdata(L, 1);
  shared_handle_take(L, &h->shared, shared_handle_hold(L, &from->shared));
  h->view = from->view;
  h->first = from->first;
  narrow(h, r);
  return 1;
}

/* typed_array_cast(bytes, type) → an Array of that type over the memory of an Array of bytes, which is aligned for it.
 * It stays in this VM. [-0, +1, raises] */
int typed_array_cast_call(lua_State *L) {
  const struct array_element_type *type = element_type_called(luaL_checkstring(L, 2));
  (void)check_array(L, 1, ARRAY);
  luaL_argcheck(L, type, 2, "a type expected");
  struct array_handle *h = shared_handle_push(L, &types[ARRAY]);
  const struct array_view *m = check_array(L, 1, ARRAY); /* a finalizer may have closed it */
  const struct array_handle *from = lua_touserdata(L, 1);
  luaL_argcheck(L, m->size == 1 && (uintptr_t)m->data % type->size == 0, 1, "aligned bytes expected");
  shared_handle_take(L, &h->shared, shared_handle_hold(L, &from->shared));
  h->view = (struct array_view){m->array, type, m->data, m->count / type->size, type->size};
  return 1;
}

static bool is_same_part(const struct array_handle *a, const struct array_handle *b) {
  if (!a || !b || a->shared.object != b->shared.object) return false;
  return !a->shared.object || (a->first == b->first && a->view.count == b->view.count);
}

/* __eq: of one part of one array. [-0, +1, does not raise] */
static int array_eq(lua_State *L) {
  lua_pushboolean(
      L, is_same_part(shared_handle_at(L, 1, &types[ARRAY], 1), shared_handle_at(L, 2, &types[ARRAY], 1)));
  return 1;
}

/* A view travels with its place in the array: the number of its elements in the high half, its first one, from 1, in the
 * low half. 0: it is the whole array, or closed. */
enum { HALF = 32 };
static const uint64_t low_half = UINT32_MAX;

static bool is_whole(const struct array_handle *h) { return h->view.count == h->whole; }

static uint64_t send_array(lua_State *L, int index) {
  const struct array_handle *h = lua_touserdata(L, index);
  if (h->shared.object && !is_whole(h) && (h->first >= low_half || h->view.count > low_half))
    luaL_error(L, "Array: a view of or behind more than %s elements cannot be sent; send the array",
               push_count(L, low_half));
  return shared_handle_send(L, index);
}

static uint64_t place_of_view(lua_State *L, int index) {
  const struct array_handle *h = lua_touserdata(L, index);
  return !h->shared.object || is_whole(h) ? 0 : h->view.count << HALF | (h->first + 1);
}

static void receive_view(lua_State *L, const struct handle_type *travels, uint64_t reference,
                         uint64_t place) {
  shared_handle_receive(L, travels, reference);
  struct array_handle *h = lua_touserdata(L, -1);
  const struct range r = {(place & low_half) - 1, place >> HALF};
  if ((place & low_half) == 0 || r.first > h->view.count || r.count > h->view.count - r.first)
    luaL_error(L, "Array: the message names no part of it");
  narrow(h, r);
}

/* ---- both ------------------------------------------------------------------------------------ */

static const struct array_view *check_either(lua_State *L) {
  const struct shared_handle *h = handle_at(L, 1);
  return check_array(L, 1, h && h->type == &types[VALUE] ? VALUE : ARRAY);
}

static int typed_array_address_method(lua_State *L) {
  lua_pushlightuserdata(L, check_either(L)->data);
  return 1;
}

static const char caster_key = 'c'; /* its address is the key; never written */

int typed_array_set_caster(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &caster_key);
  return 0;
}

/* pointer() → the address; where there is LuaJIT's ffi, as a pointer to its type. [-0, +1, raises] */
static int typed_array_pointer_method(lua_State *L) {
  if (lua_is_jit() && !library_is_required(L) && library_require(L))
    lua_settop(L, 1); /* which sets the caster */
  const struct array_view *m = check_either(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &caster_key);
  lua_pushlightuserdata(L, m->data);
  if (lua_isnil(L, -2)) return 1;
  lua_pushstring(L, m->type->name);
  lua_call(L, 2, 1);
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

static const luaL_Reg value_methods[] = {{"add", typed_array_add_method},
                                         {"cas", typed_array_cas_method},
                                         {"exchange", typed_array_exchange_method},
                                         {"max", typed_array_max_method},
                                         {"min", typed_array_min_method},
                                         {"lock", typed_array_lock_method},
                                         {"get_lock", typed_array_lock_method},
                                         {"pointer", typed_array_pointer_method},
                                         {"address", typed_array_address_method},
                                         {"type", typed_array_type_name_method},
                                         {NULL, NULL}};
static const luaL_Reg array_methods[] = {
    {"fill", array_fill}, {"slice", array_slice}, {"bytes", array_bytes},
    {"copy", array_copy}, {"iter", array_iter},   {"view", array_view_method},
    {NULL, NULL}};

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
    shared_handle_set_function(L, "__eq", array_eq);
    shared_handle_set_function(L, "__len", array_len);
    shared_handle_set_function(L, "__pairs", array_iter);
  }
  set_index(L, is_array ? array_index : value_index);
}

static void take_view(lua_State *L, void *handle) {
  struct array_handle *h = handle;
  (void)L;
  h->view = typed_array_view((struct typed_array *)(void *)h->shared.object);
  h->whole = h->view.count;
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
    [ARRAY] = {.travels = {.name = "Array",
                           .send = send_array,
                           .receive = shared_handle_receive,
                           .drop = message_refs_drop_reference,
                           .place = place_of_view,
                           .receive_part = receive_view},
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
