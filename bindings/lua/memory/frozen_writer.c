/* SPDX-License-Identifier: MIT */
/* A table is placed first, which needs its keys, and then filled, which places the tables in it. So each
 * table follows the one that it was met in, and a cycle ends at a table that is placed. What is nested
 * deeper than DEPTH_MAX is filled later, from a list.
 */
#include "memory/frozen_writer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "os/status_text.h"
#include "shared/frozen_builder.h"
#include "shared/holds.h"
#include "state/host_null.h"
#include "state/object_map.h"
#include "state/value_path.h"

enum {
  DEPTH_MAX = 100,
  HOLES_FREE = 256, /* nils that an array part may have beyond one for each value */
  RECENT_KEYS = 256,
  /* The stack of the protected call. */
  AT_VALUE = 1,
  AT_WRITER = 2,
  AT_KEPT = 3, /* a list of what is to be filled later, and of copies of frozen tables */
};

/* A key that was met, by the address of its text, which is checked against its bytes. */
struct recent_key {
  const char *text;
  uint64_t place;
};

struct writer {
  lua_State *L;
  const struct frozen_copier *copier;
  struct frozen_builder b;
  struct object_map tables;  /* address -> number of its place, from 1 */
  struct object_map strings; /* address -> place / FROZEN_UNIT */
  struct bytes places;       /* uint64_t … */
  struct bytes keys;         /* struct frozen_value …, of the table that is being placed */
  struct bytes late;         /* struct late …: item n of the list AT_KEPT is to be filled */
  struct recent_key recent[RECENT_KEYS];
  int kept;
  uint64_t root;
};

struct placed {
  uint64_t place;
  uint32_t array_count;
  uint32_t key_count;
};

struct late {
  int item;
  struct placed table;
};

/* ---- failures -------------------------------------------------------------------------------- */

NO_RETURN static void raise_text(lua_State *L) {
  lua_error(L);
  __builtin_unreachable(); /* lua_error is not declared noreturn */
}

NO_RETURN static void raise_unfit(lua_State *L, const struct path_step *at, const char *what) {
  path_push(L, at);
  lua_pushfstring(L, "cannot freeze %s (at %s): a frozen table holds strings, numbers, booleans and tables",
                  what, lua_tostring(L, -1));
  raise_text(L);
}

static void must_succeed(const struct writer *w, status st) {
  char text[STATUS_TEXT_MAX];
  if (!st) return;
  lua_pushstring(w->L, st == STATUS_TOO_LARGE ? "the table is larger than 32 GiB" : status_text(st, text));
  raise_text(w->L);
}

NO_RETURN static void raise_changed(lua_State *L) {
  lua_pushliteral(L, "the table changed while it was frozen");
  raise_text(L);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static struct frozen_value integer_value(int64_t value) {
  return (struct frozen_value){(uint64_t)value, FROZEN_INTEGER};
}

static struct frozen_value float_value(lua_Number value) {
  struct frozen_value out = {.tag = FROZEN_FLOAT};
  memcpy(&out.bits, &value, sizeof out.bits);
  return out;
}

static struct frozen_value number_value(lua_State *L, int index) {
  if (LUA_HAS_INTEGERS && lua_isinteger(L, index)) return integer_value(lua_tointeger(L, index));
  return float_value(lua_tonumber(L, index));
}

static struct frozen_value boolean_value(lua_State *L, int index) {
  return (struct frozen_value){0, lua_toboolean(L, index) ? FROZEN_TRUE : FROZEN_FALSE};
}

/* A number that is whole is one key, as an integer and as a float. */
static struct frozen_value number_key(lua_State *L, int index) {
  if (LUA_HAS_INTEGERS && lua_isinteger(L, index)) return integer_value(lua_tointeger(L, index));
  const lua_Number x = lua_tonumber(L, index);
  if (x >= -0x1p63 && x < 0x1p63 && x == floor(x)) return integer_value((int64_t)x);
  return float_value(x);
}

bool frozen_key_read(lua_State *L, int index, struct frozen_value *out) {
  switch (lua_type(L, index)) {
    case LUA_TNUMBER: *out = number_key(L, index); return true;
    case LUA_TBOOLEAN: *out = boolean_value(L, index); return true;
    default: return false;
  }
}

static bool has_text(const struct writer *w, uint64_t place, const char *text, size_t size) {
  uint32_t there = 0;
  memcpy(&there, w->b.out.data + place, sizeof there);
  return there == size && memcmp(w->b.out.data + place + sizeof there, text, size) == 0;
}

/* A string with the same address as an earlier one is the same, which is written once, unless the
 * collector has freed that one meanwhile. */
static struct frozen_value string_value(struct writer *w, int index) {
  size_t size = 0;
  uint32_t known = 0;
  uint64_t place = 0;
  const char *text = lua_tolstring(w->L, index, &size);
  const uint32_t next = (uint32_t)(w->b.out.len / FROZEN_UNIT);
  must_succeed(w, object_map_claim(&w->strings, text, next, 0, &known));
  if (known && has_text(w, (uint64_t)known * FROZEN_UNIT, text, size))
    place = (uint64_t)known * FROZEN_UNIT;
  else
    must_succeed(w, frozen_builder_text(&w->b, text, size, &place));
  return (struct frozen_value){place, FROZEN_STRING};
}

static struct frozen_value string_key(struct writer *w, int index) {
  size_t size = 0;
  const char *text = lua_tolstring(w->L, index, &size);
  struct recent_key *recent = &w->recent[(uintptr_t)text / 16 % RECENT_KEYS];
  if (recent->text != text || !has_text(w, recent->place, text, size)) {
    must_succeed(w, frozen_builder_name(&w->b, text, size, &recent->place));
    recent->text = text;
  }
  return (struct frozen_value){recent->place, FROZEN_STRING};
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Whether the field and its value on top of the stack, of a metatable, change what a table does. Texts,
 * as JSON libraries have them, do not. */
static bool is_metamethod(lua_State *L) {
  if (lua_type(L, -2) != LUA_TSTRING || strncmp(lua_tostring(L, -2), "__", 2) != 0) return false;
  return lua_isfunction(L, -1) || lua_istable(L, -1);
}

static void refuse_metamethods(const struct writer *w, int index, const struct path_step *at) {
  lua_State *L = w->L;
  if (!lua_getmetatable(L, index)) return;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (is_metamethod(L)) raise_unfit(L, at, "a table with metamethods");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* How many of the first elements stand in the array part: all that # counts, unless most of them are
 * nil. */
static uint32_t count_array(lua_State *L, int index, uint64_t length) {
  uint64_t values = 0;
  uint64_t i = 1;
  for (; i <= length && i <= INT32_MAX; i++) {
    lua_rawgeti(L, index, (int)i);
    values += !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (i > 2 * values + HOLES_FREE) break;
  }
  return (uint32_t)(i - 1);
}

static bool is_element(struct frozen_value key, uint32_t array_count) {
  return key.tag == FROZEN_INTEGER && key.bits - 1 < array_count;
}

static struct frozen_value key_at(struct writer *w, int index, const struct path_step *at) {
  lua_State *L = w->L;
  struct frozen_value key;
  if (lua_type(L, index) == LUA_TSTRING) return string_key(w, index);
  if (frozen_key_read(L, index, &key)) return key;
  const struct path_step here = {.up = at, .kind = PATH_KEY};
  lua_pushfstring(L, "a key that is a %s", luaL_typename(L, index));
  raise_unfit(L, &here, lua_tostring(L, -1));
}

/* Reads the keys of all pairs beyond the array part into w->keys. */
static void read_keys(struct writer *w, int index, uint32_t array_count, const struct path_step *at) {
  lua_State *L = w->L;
  const int top = lua_gettop(L);
  bytes_clear(&w->keys);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const struct frozen_value key = key_at(w, top + 1, at);
    if (!is_element(key, array_count)) must_succeed(w, bytes_append(&w->keys, &key, sizeof key));
    lua_pop(L, 1);
  }
}

/* Reserves a new table. [-0, +0, raises] */
static struct placed reserve(struct writer *w, int index, const struct path_step *at) {
  const uint64_t length = lua_rawlen(w->L, index);
  const uint32_t array_count = count_array(w->L, index, length);
  refuse_metamethods(w, index, at);
  read_keys(w, index, array_count, at);
  const size_t key_count = w->keys.len / sizeof(struct frozen_value);
  if (key_count > INT32_MAX) must_succeed(w, STATUS_TOO_LARGE);
  const struct frozen_outline outline = {.length = length,
                                         .array_count = array_count,
                                         .key_count = (uint32_t)key_count,
                                         .keys = (const struct frozen_value *)(const void *)w->keys.data};
  struct placed out = {.array_count = array_count, .key_count = outline.key_count};
  must_succeed(w, frozen_builder_table(&w->b, &outline, &out.place));
  return out;
}

/* The place of the table or userdata at `index`, if it has one. Otherwise the next one that is noted is
 * its place. */
static uint64_t known_place(struct writer *w, int index) {
  const uint32_t next = (uint32_t)(w->places.len / sizeof(uint64_t)) + 1;
  uint32_t known = 0;
  uint64_t place = FROZEN_NONE;
  must_succeed(w, object_map_claim(&w->tables, lua_topointer(w->L, index), next, 0, &known));
  if (known) memcpy(&place, w->places.data + (known - 1) * sizeof place, sizeof place);
  return place;
}

static void note_place(struct writer *w, uint64_t place) {
  must_succeed(w, bytes_append(&w->places, &place, sizeof place));
}

/* ---- values ---------------------------------------------------------------------------------- */

static void fill(struct writer *w, int index, struct placed table, const struct path_step *at, int depth);

/* Keeps the value at `index` until the end, as item n. */
static int keep(struct writer *w, int index) {
  lua_pushvalue(w->L, index);
  lua_rawseti(w->L, AT_KEPT, ++w->kept);
  return w->kept;
}

static void fill_or_defer(struct writer *w, int index, struct placed table, const struct path_step *at,
                          int depth) {
  if (depth < DEPTH_MAX) {
    fill(w, index, table, at, depth + 1);
    return;
  }
  const struct late late = {keep(w, index), table};
  must_succeed(w, bytes_append(&w->late, &late, sizeof late));
}

static struct frozen_value table_value(struct writer *w, int index, const struct path_step *at, int depth) {
  uint64_t place = known_place(w, index);
  if (place == FROZEN_NONE) {
    const struct placed table = reserve(w, index, at);
    place = table.place;
    note_place(w, place);
    fill_or_defer(w, index, table, at, depth);
  }
  return (struct frozen_value){place, FROZEN_TABLE};
}

/* A frozen table in the value is copied, because another object may end before this one. The copy is kept,
 * so that no other table gets its address. */
static struct frozen_value frozen_value_of(struct writer *w, int index, const struct path_step *at,
                                           int depth) {
  uint64_t place = known_place(w, index);
  if (place == FROZEN_NONE) {
    luaL_checkstack(w->L, 8, "no room for a copy");
    w->copier->push_thawed(w->L, index);
    const int copy = lua_gettop(w->L);
    keep(w, copy);
    const struct placed table = reserve(w, copy, at);
    place = table.place;
    note_place(w, place);
    fill_or_defer(w, copy, table, at, depth);
    lua_pop(w->L, 1);
  }
  return (struct frozen_value){place, FROZEN_TABLE};
}

static struct frozen_value userdata_value(struct writer *w, int index, const struct path_step *at,
                                          int depth) {
  if (host_null_is(w->L, index)) return (struct frozen_value){.tag = FROZEN_NULL};
  if (w->copier->is_frozen(w->L, index)) return frozen_value_of(w, index, at, depth);
  raise_unfit(w->L, at, "a userdata");
}

static struct frozen_value value_at(struct writer *w, int index, const struct path_step *at, int depth) {
  lua_State *L = w->L;
  switch (lua_type(L, index)) {
    case LUA_TNIL: return (struct frozen_value){.tag = FROZEN_NIL};
    case LUA_TBOOLEAN: return boolean_value(L, index);
    case LUA_TNUMBER: return number_value(L, index);
    case LUA_TSTRING: return string_value(w, index);
    case LUA_TTABLE: return table_value(w, index, at, depth);
    case LUA_TUSERDATA: return userdata_value(w, index, at, depth);
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, index)) raise_unfit(L, at, "a light userdata");
      return (struct frozen_value){.tag = FROZEN_NULL};
    case LUA_TTHREAD: raise_unfit(L, at, "a coroutine");
    case LUA_TFUNCTION: raise_unfit(L, at, "a function");
    default: raise_unfit(L, at, luaL_typename(L, index));
  }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void fill_elements(struct writer *w, int index, struct placed t, const struct path_step *at,
                          int depth) {
  const uint64_t count = (uint64_t)t.array_count + t.key_count;
  struct path_step here = {.up = at, .kind = PATH_ELEMENT};
  for (uint32_t i = 0; i < t.array_count; i++) {
    here.number = (int64_t)i + 1;
    lua_rawgeti(w->L, index, (int)i + 1);
    const struct frozen_value value = value_at(w, lua_gettop(w->L), &here, depth);
    frozen_builder_set(&w->b, t.place, count, i, value);
    lua_pop(w->L, 1);
  }
}

/* The keys come in the order in which they were read; a finalizer may have changed the table. */
static void fill_pairs(struct writer *w, int index, struct placed t, const struct path_step *at, int depth) {
  lua_State *L = w->L;
  const int key = lua_gettop(L) + 1;
  const uint64_t count = (uint64_t)t.array_count + t.key_count;
  const struct path_step here = {.up = at, .kind = PATH_FIELD, .number = key};
  uint32_t done = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const struct frozen_value name = key_at(w, key, at);
    if (!is_element(name, t.array_count)) {
      if (done >= t.key_count) raise_changed(L);
      const struct frozen_value expected = frozen_builder_key(&w->b, t.place, done);
      if (name.bits != expected.bits || name.tag != expected.tag) raise_changed(L);
      const struct frozen_value value = value_at(w, key + 1, &here, depth);
      frozen_builder_set(&w->b, t.place, count, (uint64_t)t.array_count + done++, value);
    }
    lua_pop(L, 1);
  }
  if (done != t.key_count) raise_changed(L);
}

static void fill(struct writer *w, int index, struct placed t, const struct path_step *at, int depth) {
  luaL_checkstack(w->L, 8, "value nested too deeply");
  fill_elements(w, index, t, at, depth);
  if (t.key_count) fill_pairs(w, index, t, at, depth);
}

static void fill_late(struct writer *w, const struct path_step *root) {
  const struct path_step far = {.up = root, .kind = PATH_FAR};
  for (size_t n = 0; n < w->late.len / sizeof(struct late); n++) {
    struct late late;
    memcpy(&late, w->late.data + n * sizeof late, sizeof late);
    lua_rawgeti(w->L, AT_KEPT, late.item);
    fill(w, lua_gettop(w->L), late.table, &far, 0);
    lua_pop(w->L, 1);
  }
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* (value, writer) [-0, +0, raises] */
static int write_protected(lua_State *L) {
  struct writer *w = lua_touserdata(L, AT_WRITER);
  const struct path_step root = {.kind = PATH_ROOT, .name = "value"};
  w->L = L;
  lua_newtable(L);
  must_succeed(w, frozen_builder_init(&w->b));
  w->root = table_value(w, AT_VALUE, &root, 0).bits;
  fill_late(w, &root);
  return 0;
}

static void end(struct writer *w) {
  frozen_builder_fini(&w->b);
  object_map_fini(&w->tables);
  object_map_fini(&w->strings);
  bytes_fini(&w->places);
  bytes_fini(&w->keys);
  bytes_fini(&w->late);
}

static struct writer make_writer(const struct frozen_copier *copier) {
  struct writer w = {.copier = copier};
  object_map_init(&w.tables);
  object_map_init(&w.strings);
  bytes_init(&w.places);
  bytes_init(&w.keys);
  bytes_init(&w.late);
  return w;
}

bool frozen_write(lua_State *L, int index, const struct frozen_copier *copier, struct frozen_table **out) {
  struct writer w = make_writer(copier);
  lua_pushcfunction(L, write_protected);
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, &w);
  const int failed = lua_pcall(L, 2, 0, 0);
  uint64_t size = 0;
  status st = STATUS_OK;
  if (!failed) {
    size = frozen_builder_size(&w.b);
    st = frozen_builder_finish(&w.b, w.root, out);
    if (refusal_collected(L, st)) st = frozen_builder_finish(&w.b, w.root, out);
  }
  end(&w);
  if (failed == LUA_ERRMEM) lua_error(L);
  if (failed) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return false;
  }
  if (st) return_memory_failure(L, st, NULL, size);
  return st == STATUS_OK;
}
