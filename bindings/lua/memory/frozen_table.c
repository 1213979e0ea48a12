/* SPDX-License-Identifier: MIT */
/* A handle is a userdata that names one table of an object. This VM has one handle for each table that it
 * has met, so two reads of a field give the same value.
 *
 *     families (weak)   object -> family, a table
 *     family            FAMILY_ANCHOR: userdata that holds the object
 *                       FAMILY_HANDLES: a table with weak values, place / FROZEN_UNIT -> handle
 *                       FAMILY_CLASS: the metatable of its handles
 *     handle            belongs to its family: the object lives while a handle of it does
 *
 * A read of a field is a call of __index, a C function: some ten times what a plain table takes. A handle
 * that has been read HOT_READS times gets a metatable of its own, whose __index is a table, its *memo*:
 * values that were read go there, and Lua finds them without a call. Memos are few (HOT_HANDLES), short
 * (MEMO_MAX), and hold other handles weakly: a VM never has a copy of a large table.
 */
#include "memory/frozen_table.h"

#include <string.h>

#include "channel/message_refs.h"
#include "memory/frozen_writer.h"
#include "os/status_text.h"
#include "process/sandboxed.h"
#include "shared/frozen_table.h"
#include "shared/holds.h"
#include "state/caller.h"
#include "state/error.h"
#include "state/handle.h"
#include "state/host_null.h"
#include "state/table_copy.h"
#include "state/weak_table.h"
#include "wire/handles.h"

#define NAME "frozen table"

enum { FAMILY_ANCHOR = 1, FAMILY_HANDLES, FAMILY_CLASS };
enum {
  HOT_READS = 64,    /* as many calls cost as much as a memo */
  HOT_HANDLES = 256, /* of this VM that have a memo */
  MEMO_MAX = 256,    /* fields */
  RECENT_NAMES = 64,
};

/* Keys in the registry. */
static const char families_key = 0;
static const char hot_key = 0;
static const char class_key[] = "manymoons.frozen";
static const char anchor_key[] = "manymoons.frozen_anchor";

static const struct handle_type type; /* defined below its functions */

/* A key that was looked for, by the address of its text, which is checked against the bytes of the key. */
struct recent_name {
  const char *text;
  uint64_t place;
};

struct anchor {
  struct object *object; /* held; NULL: closed */
  struct frozen_view view;
  struct recent_name recent[RECENT_NAMES];
};

enum warmth { WARMTH_COLD, WARMTH_HOT, WARMTH_NEVER };

struct handle {
  const struct handle_type *type; /* the address of a constant; no other userdata begins with it */
  struct anchor *anchor;
  struct frozen_reader reader;
  uint32_t reads; /* calls of __index; with a memo, its fields */
  enum warmth warmth;
};

/* ---- checking -------------------------------------------------------------------------------- */

static struct handle *handle_at(lua_State *L, int index) {
  struct handle *h = lua_touserdata(L, index);
  if (!h || lua_islightuserdata(L, index) || lua_rawlen(L, index) != sizeof *h) return NULL;
  return h->type == &type ? h : NULL;
}

static bool is_frozen(lua_State *L, int index) { return handle_at(L, index) != NULL; }

static void refuse_closed(lua_State *L, const struct handle *h) {
  if (!h->anchor->object) luaL_error(L, NAME ": used after close");
  if (!segment_has(h->anchor->object)) luaL_error(L, NAME ": it belongs to the process that forked this one");
}

static struct handle *check(lua_State *L, int index) {
  struct handle *h = handle_at(L, index);
  if (!h) raise_type(L, index, NAME);
  refuse_closed(L, h);
  return h;
}

/* ---- classes --------------------------------------------------------------------------------- */

static int anchor_collect(lua_State *L) {
  struct anchor *a = lua_touserdata(L, 1);
  if (a->object) segment_release(a->object);
  a->object = NULL;
  return 0;
}

static void push_anchor_class(lua_State *L) {
  if (!luaL_newmetatable(L, anchor_key)) return;
  lua_pushcfunction(L, anchor_collect);
  lua_setfield(L, -2, "__gc");
}

static void set_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushliteral(L, NAME);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

static int frozen_index(lua_State *L);
static int frozen_newindex(lua_State *L);
static int frozen_len(lua_State *L);
static int frozen_pairs(lua_State *L);
static int frozen_call(lua_State *L);
static int frozen_eq(lua_State *L);
static int frozen_tostring(lua_State *L);
static int frozen_close(lua_State *L);

/* Scripts get a text for the metatable: a memo is not theirs. */
static void push_class(lua_State *L) {
  if (!luaL_newmetatable(L, class_key)) return;
  set_function(L, "__index", frozen_index);
  set_function(L, "__newindex", frozen_newindex);
  set_function(L, "__len", frozen_len);
  set_function(L, "__pairs", frozen_pairs);
  set_function(L, "__call", frozen_call);
  set_function(L, "__eq", frozen_eq);
  set_function(L, "__tostring", frozen_tostring);
  set_function(L, "__close", frozen_close);
  lua_pushliteral(L, NAME);
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, NAME);
  lua_setfield(L, -2, "__metatable");
  lua_pushlightuserdata(L, (void *)(uintptr_t)&type);
  lua_setfield(L, -2, HANDLE_FIELD);
}

/* ---- handles --------------------------------------------------------------------------------- */

/* Pushes a new family whose anchor has no object yet. [-0, +1, raises] */
static struct anchor *push_family(lua_State *L) {
  lua_createtable(L, 3, 0);
  struct anchor *a = lua_newuserdata(L, sizeof *a);
  memset(a, 0, sizeof *a);
  push_anchor_class(L);
  lua_setmetatable(L, -2);
  lua_rawseti(L, -2, FAMILY_ANCHOR);
  weak_table_push(L, "v", 0);
  lua_rawseti(L, -2, FAMILY_HANDLES);
  push_class(L);
  lua_rawseti(L, -2, FAMILY_CLASS);
  return a;
}

/* Pushes the family of an object that the VM has; nil: it has none. [-0, +1, memory] */
static struct anchor *push_known_family(lua_State *L, const struct object *object) {
  weak_table_push_kept(L, &families_key, "v", 0);
  lua_rawgetp(L, -1, object);
  lua_remove(L, -2);
  if (lua_isnil(L, -1)) return NULL;
  lua_rawgeti(L, -1, FAMILY_ANCHOR);
  struct anchor *a = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return a->object == object ? a : NULL;
}

/* Enters the family on top for the object, whose hold the anchor takes over. The collector works as for a
 * table of that size: it sees a small userdata, and a program that freezes tables again and again would
 * fill the memory first. [-0, +0, raises] */
static void take_object(lua_State *L, struct anchor *a, struct object *object) {
  a->object = object;
  a->view = frozen_table_view((struct frozen_table *)(void *)object);
  lua_gc_as_if_allocated(L, a->view.size);
  weak_table_push_kept(L, &families_key, "v", 0);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, object);
  lua_pop(L, 1);
}

/* Pushes the handle of the table at `place`, of the family at `family`. False, and nothing pushed: there is
 * no table. [-0, +1|0, raises] */
static bool push_handle(lua_State *L, int family, struct anchor *a, uint64_t place) {
  const int unit = (int)(uint32_t)(place / FROZEN_UNIT);
  struct frozen_reader reader;
  lua_rawgeti(L, family, FAMILY_HANDLES);
  lua_rawgeti(L, -1, unit);
  if (!lua_isnil(L, -1)) {
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  if (!frozen_view_read(&a->view, place, &reader)) {
    lua_pop(L, 1);
    return false;
  }
  struct handle *h = lua_newuserdata(L, sizeof *h);
  *h = (struct handle){.type = &type, .anchor = a, .reader = reader};
  lua_rawgeti(L, family, FAMILY_CLASS);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, family);
  lua_setcompanion(L, -2);
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, unit);
  lua_remove(L, -2);
  return true;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void push_float(lua_State *L, uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  lua_pushnumber(L, x);
}

/* Pushes what is no table. False, and nothing pushed: it is one. [-0, +1|0, memory] */
static bool push_scalar(lua_State *L, const struct frozen_view *v, struct frozen_value value) {
  struct frozen_text text;
  switch (value.tag) {
    case FROZEN_FALSE:
    case FROZEN_TRUE: lua_pushboolean(L, value.tag == FROZEN_TRUE); return true;
    case FROZEN_NULL: host_null_push(L); return true;
    case FROZEN_INTEGER: lua_pushwhole(L, (int64_t)value.bits); return true;
    case FROZEN_FLOAT: push_float(L, value.bits); return true;
    case FROZEN_STRING:
      text = frozen_view_text(v, value.bits);
      lua_pushlstring(L, text.bytes, text.size);
      return true;
    case FROZEN_TABLE: return false;
    default: lua_pushnil(L); return true;
  }
}

/* Pushes a value of the handle at `index`. [-0, +1, raises] */
static void push_value(lua_State *L, int index, const struct handle *h, struct frozen_value value) {
  if (push_scalar(L, &h->anchor->view, value)) return;
  lua_getcompanion(L, index);
  if (!push_handle(L, lua_gettop(L), h->anchor, value.bits)) lua_pushnil(L);
  lua_remove(L, -2);
}

static uint64_t find_name(struct anchor *a, const char *text, size_t size) {
  struct recent_name *recent = &a->recent[(uintptr_t)text / 16 % RECENT_NAMES];
  if (recent->text == text && recent->place) {
    const struct frozen_text known = frozen_view_text(&a->view, recent->place);
    if (known.size == size && memcmp(known.bytes, text, size) == 0) return recent->place;
  }
  recent->text = text;
  recent->place = frozen_view_name(&a->view, text, size);
  return recent->place;
}

/* The number of the value of the key at `index`; FROZEN_NOT_FOUND. [-0, +0, does not raise] */
static uint64_t find(lua_State *L, const struct handle *h, int index) {
  struct frozen_value key;
  size_t size = 0;
  if (lua_type(L, index) == LUA_TSTRING) {
    const char *text = lua_tolstring(L, index, &size);
    key = (struct frozen_value){find_name(h->anchor, text, size), FROZEN_STRING};
    if (key.bits == FROZEN_NONE) return FROZEN_NOT_FOUND;
  } else if (!frozen_key_read(L, index, &key)) {
    return FROZEN_NOT_FOUND;
  }
  return frozen_reader_find(&h->anchor->view, &h->reader, key);
}

/* Pushes the value of the key at `key`, or nil. [-0, +1, raises] */
static void push_field(lua_State *L, int index, const struct handle *h, int key) {
  const uint64_t number = find(L, h, key);
  if (number == FROZEN_NOT_FOUND)
    lua_pushnil(L);
  else
    push_value(L, index, h, frozen_reader_value(&h->reader, number));
}

/* ---- memos ----------------------------------------------------------------------------------- */

static void cool(lua_State *L, int index, struct handle *h, enum warmth warmth) {
  push_class(L);
  lua_setmetatable(L, index);
  h->warmth = warmth;
  h->reads = 0;
}

/* __index of a memo, for what is not in it: (memo, key), with the handle as an upvalue. */
static int memo_index(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(2));
  struct handle *h = check(L, 3);
  push_field(L, 3, h, 2);
  if (h->warmth != WARMTH_HOT || lua_isnil(L, -1)) return 1;
  if (h->reads++ == MEMO_MAX) {
    cool(L, 3, h, WARMTH_NEVER);
    return 1;
  }
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

/* Pushes an empty memo of the handle at `index`. [-0, +1, memory] */
static void push_memo(lua_State *L, int index) {
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushliteral(L, NAME);
  lua_pushvalue(L, index);
  lua_pushcclosure(L, memo_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

/* Pushes a copy of the class with the memo on top as __index. [-1, +1, memory] */
static void push_hot_class(lua_State *L) {
  push_class(L);
  table_push_copy(L);
  lua_remove(L, -2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
}

/* Gives the handle at `index` a place among the hot ones; the one that had it cools. [-0, +0, memory] */
static void enter_hot(lua_State *L, int index) {
  weak_table_push_kept(L, &hot_key, "v", 0);
  lua_rawgeti(L, -1, 0);
  const int place = (int)(lua_tointeger(L, -1) % HOT_HANDLES) + 1;
  lua_rawgeti(L, -2, place);
  struct handle *former = handle_at(L, -1);
  if (former && former->warmth == WARMTH_HOT) cool(L, lua_gettop(L), former, WARMTH_COLD);
  lua_pop(L, 2);
  lua_pushinteger(L, place);
  lua_rawseti(L, -2, 0);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
}

static void make_hot(lua_State *L, int index, struct handle *h) {
  luaL_checkstack(L, 10, "no room for a memo");
  enter_hot(L, index);
  push_memo(L, index);
  push_hot_class(L);
  lua_setmetatable(L, index);
  h->warmth = WARMTH_HOT;
  h->reads = 0;
}

/* ---- metamethods ----------------------------------------------------------------------------- */

static int frozen_index(lua_State *L) {
  struct handle *h = check(L, 1);
  lua_settop(L, 2);
  push_field(L, 1, h, 2);
  if (h->warmth == WARMTH_COLD && ++h->reads == HOT_READS) make_hot(L, 1, h);
  return 1;
}

static int frozen_newindex(lua_State *L) {
  check(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING)
    return luaL_error(L, NAME ": it never changes: cannot set '%s' (mm.thaw makes a copy)",
                      argument_shown(L, 2));
  return luaL_error(L, NAME ": it never changes: cannot set [%s] (mm.thaw makes a copy)",
                    argument_shown(L, 2));
}

static int frozen_len(lua_State *L) {
  lua_pushwhole(L, (int64_t)check(L, 1)->reader.length);
  return 1;
}

/* Pushes the first key at `number` or behind it that has a value, and the value; or nil.
 * [-0, +1|2, raises] */
static int push_pair_from(lua_State *L, int index, const struct handle *h, uint64_t number) {
  for (; number < frozen_reader_count(&h->reader); number++) {
    const struct frozen_value value = frozen_reader_value(&h->reader, number);
    if (value.tag == FROZEN_NIL) continue;
    push_value(L, index, h, frozen_reader_key(&h->reader, number));
    push_value(L, index, h, value);
    return 2;
  }
  lua_pushnil(L);
  return 1;
}

/* (frozen, key) → the next key and its value, as `next`. */
static int frozen_next(lua_State *L) {
  const struct handle *h = check(L, 1);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) return push_pair_from(L, 1, h, 0);
  const uint64_t number = find(L, h, 2);
  if (number == FROZEN_NOT_FOUND) return luaL_error(L, NAME ": next: it has no key %s", argument_shown(L, 2));
  return push_pair_from(L, 1, h, number + 1);
}

static int frozen_pairs(lua_State *L) {
  check(L, 1);
  lua_settop(L, 1);
  lua_pushliteral(L, NAME);
  lua_pushcclosure(L, frozen_next, 1);
  lua_insert(L, 1);
  lua_pushnil(L);
  return 3;
}

/* for key, value in frozen do: (frozen, nothing, key), on each Lua. */
static int frozen_call(lua_State *L) {
  check(L, 1);
  lua_settop(L, 3);
  lua_remove(L, 2);
  return frozen_next(L);
}

static int frozen_eq(lua_State *L) {
  const struct handle *a = handle_at(L, 1);
  const struct handle *b = handle_at(L, 2);
  lua_pushboolean(L, a && b && a->anchor->object && a->anchor->object == b->anchor->object &&
                         a->reader.place == b->reader.place);
  return 1;
}

static int frozen_tostring(lua_State *L) {
  const struct handle *h = handle_at(L, 1);
  if (!h) raise_type(L, 1, NAME);
  if (!h->anchor->object) {
    lua_pushliteral(L, "closed " NAME);
    return 1;
  }
  refuse_closed(L, h);
  char text[64];
  snprintf(text, sizeof text, NAME ": %llu values", (unsigned long long)frozen_reader_count(&h->reader));
  lua_pushstring(L, text);
  return 1;
}

/* For `local f <close>`: this VM lets go of the object, and of all memos of it. */
static int frozen_close(lua_State *L) {
  struct handle *h = handle_at(L, 1);
  if (!h) raise_type(L, 1, NAME);
  if (!h->anchor->object) return 0;
  weak_table_push_kept(L, &hot_key, "v", 0);
  for (int place = 1; place <= HOT_HANDLES; place++) {
    lua_rawgeti(L, -1, place);
    struct handle *hot = handle_at(L, -1);
    if (hot && hot->anchor == h->anchor && hot->warmth == WARMTH_HOT)
      cool(L, lua_gettop(L), hot, WARMTH_NEVER);
    lua_pop(L, 1);
  }
  segment_release(h->anchor->object);
  h->anchor->object = NULL;
  return 0;
}

/* ---- thawing --------------------------------------------------------------------------------- */

struct thaw {
  lua_State *L;
  const struct frozen_view *v;
  int seen;   /* stack index of a table: place / FROZEN_UNIT -> copy */
  int places; /* of a list of the tables that are begun */
  int begun;
};

/* Pushes the copy of the table at `place`, which is filled later. [-0, +1, memory] */
static void push_copy(struct thaw *t, uint64_t place) {
  lua_State *L = t->L;
  const int unit = (int)(uint32_t)(place / FROZEN_UNIT);
  struct frozen_reader r;
  lua_rawgeti(L, t->seen, unit);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  if (!frozen_view_read(t->v, place, &r)) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, (int)(r.array_count & INT32_MAX), (int)(r.pair_count & INT32_MAX));
  lua_pushvalue(L, -1);
  lua_rawseti(L, t->seen, unit);
  lua_pushnumber(L, (lua_Number)place);
  lua_rawseti(L, t->places, ++t->begun);
}

static void push_thawed(struct thaw *t, struct frozen_value value) {
  if (!push_scalar(t->L, t->v, value)) push_copy(t, value.bits);
}

/* Fills the copy on top. [-0, +0, memory] */
static void fill_copy(struct thaw *t, uint64_t place) {
  lua_State *L = t->L;
  struct frozen_reader r;
  if (!frozen_view_read(t->v, place, &r)) return;
  for (uint32_t i = 0; i < r.array_count; i++) {
    const struct frozen_value value = frozen_reader_value(&r, i);
    if (value.tag == FROZEN_NIL) continue;
    push_thawed(t, value);
    lua_rawseti(L, -2, (int)i + 1);
  }
  for (uint64_t i = r.array_count; i < frozen_reader_count(&r); i++) {
    const struct frozen_value key = frozen_reader_key(&r, i);
    if (key.tag == FROZEN_NIL || key.tag >= FROZEN_TABLE) continue; /* a peer wrote it */
    push_thawed(t, key);
    push_thawed(t, frozen_reader_value(&r, i));
    lua_rawset(L, -3);
  }
}

/* Pushes an ordinary copy of the frozen table at `index`, and of all that it reaches. [-0, +1, raises] */
static void push_thawed_table(lua_State *L, int index) {
  const struct handle *h = check(L, index);
  luaL_checkstack(L, 12, "no room for a copy");
  lua_newtable(L);
  lua_newtable(L);
  struct thaw t = {.L = L, .v = &h->anchor->view, .seen = lua_gettop(L) - 1, .places = lua_gettop(L)};
  push_copy(&t, h->reader.place);
  for (int n = 1; n <= t.begun; n++) {
    lua_rawgeti(L, t.places, n);
    const uint64_t place = (uint64_t)lua_tonumber(L, -1);
    lua_rawgeti(L, t.seen, (int)(uint32_t)(place / FROZEN_UNIT));
    fill_copy(&t, place);
    lua_pop(L, 2);
  }
  lua_replace(L, t.seen);
  lua_settop(L, t.seen);
}

/* ---- travelling ------------------------------------------------------------------------------ */

static uint64_t send(lua_State *L, int index) {
  const struct handle *h = check(L, index);
  if (segment_hold(h->anchor->object)) error_raise_memory(L);
  return segment_object_ref(h->anchor->object);
}

static uint64_t place_of(lua_State *L, int index) { return handle_at(L, index)->reader.place; }

static status find_and_hold(uint64_t reference, struct object **out) {
  const status st = segment_find(reference, OBJECT_FROZEN_TABLE, out);
  return st ? st : segment_hold(*out);
}

/* Pushes the family of the object that a message names. [-0, +1, raises] */
static struct anchor *push_named_family(lua_State *L, uint64_t reference) {
  struct object *object = NULL;
  char text[STATUS_TEXT_MAX];
  status st = segment_find(reference, OBJECT_FROZEN_TABLE, &object);
  if (st == STATUS_OK) {
    struct anchor *known = push_known_family(L, object);
    if (known) return known;
    lua_pop(L, 1);
  }
  struct anchor *a = push_family(L);
  st = find_and_hold(reference, &object);
  if (st) luaL_error(L, NAME ": %s", status_text(st, text));
  take_object(L, a, object);
  return a;
}

static void receive_part(lua_State *L, const struct handle_type *unused, uint64_t reference, uint64_t place) {
  (void)unused;
  luaL_checkstack(L, 12, "no room for a handle");
  if (sandboxed_is())
    luaL_error(L, NAME ": cannot be used in a sandboxed worker, because it is memory of the program");
  struct anchor *a = push_named_family(L, reference);
  if (!push_handle(L, lua_gettop(L), a, place)) luaL_error(L, NAME ": the message names no table of it");
  lua_remove(L, -2);
}

static const struct handle_type type = {.name = NAME,
                                        .send = send,
                                        .drop = message_refs_drop_reference,
                                        .instead = "send a copy, which mm.thaw makes",
                                        .place = place_of,
                                        .receive_part = receive_part};

void frozen_table_open(lua_State *L) { handle_register(L, HANDLE_FROZEN_TABLE, &type); }

/* ---- freezing -------------------------------------------------------------------------------- */

static const struct frozen_copier copier = {is_frozen, push_thawed_table};

int frozen_table_freeze_call(lua_State *L) {
  struct frozen_table *made = NULL;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct anchor *a = push_family(L);
  if (!frozen_write(L, 1, &copier, &made)) return 2;
  take_object(L, a, &made->object);
  (void)push_handle(L, 2, a, a->view.root);
  return 1;
}

int frozen_table_thaw_call(lua_State *L) {
  lua_settop(L, 1);
  if (!is_frozen(L, 1)) return 0;
  push_thawed_table(L, 1);
  return 1;
}

int frozen_table_is_call(lua_State *L) {
  lua_pushboolean(L, is_frozen(L, 1));
  return 1;
}
