/* SPDX-License-Identifier: MIT */
/* One static function for each production of the format, leaves first. The hot path is tables of
 * strings and numbers: one capacity check for each value, one probe of the map for each object, one
 * pass of lua_next for each table. */
#include "state/encode.h"

#include "state/encode_numbers.h"
#include "state/encode_sets.h"
#include "state/error.h"
#include "state/function_names.h"
#include "state/host_null.h"
#include "state/library_environment.h"
#include "state/module_source.h"
#include "state/names.h"
#include "state/scalar.h"
#include "state/vm.h"
#include "wire/reader.h"

/* Values in the map that are not offsets: objects known before anything is written. */
static const uint32_t known_as_globals = UINT32_MAX;
static const uint32_t known_as_module = UINT32_MAX - 1;
static const uint32_t known_as_registered = UINT32_MAX - 2;
/* Receivers use offsets as keys of lua_rawseti, which takes an int. */
static const uint32_t offset_max = INT32_MAX;

enum {
  BULK_MIN = 8,     /* shorter arrays are written value by value: a small integer then takes one byte */
  HOLES_FREE = 256, /* nils that an array may have beyond one for each value */
};

static void encode_table_part(struct encoder *e, int index, const struct path_step *at, int depth);

/* Of a state that is no VM nothing is known. */
static const struct vm *vm_to_encode(lua_State *L) {
  static const struct vm unknown = {.has_classes = true, .has_registries = true};
  const struct vm *vm = vm_of(L);
  return vm ? vm : &unknown;
}

struct encoder encoder_make(lua_State *L, struct scratch *s, enum encode_mode mode, int work) {
  return (struct encoder){.L = L,
                          .vm = vm_to_encode(L),
                          .s = s,
                          .mode = mode,
                          .depth_max = mode == ENCODE_IMAGE ? 0 : WIRE_DEPTH_MAX,
                          .work = work,
                          .least_reference = UINT32_MAX,
                          .classes = work + 1,
                          .handles = &s->handles};
}

/* ---- writing --------------------------------------------------------------------------------- */

void must_succeed(struct encoder *e, status st) {
  if (st) error_raise_memory(e->L);
}

uint8_t *encoder_room(struct encoder *e, size_t size) {
  struct bytes *out = &e->s->out;
  must_succeed(e, bytes_reserve(out, size));
  return out->data + out->len;
}

static void encode_tag(struct encoder *e, unsigned tag) {
  encoder_wrote(e, put_u8(encoder_room(e, WRITER_VALUE_MAX), tag));
}

static void encode_number_after(struct encoder *e, unsigned tag, uint64_t number) {
  uint8_t *at = encoder_room(e, WRITER_VALUE_MAX);
  encoder_wrote(e, put_varint(put_u8(at, tag), number));
}

/* The offset of the next byte; raises if it does not fit the format's fields. */
uint32_t encoder_offset(struct encoder *e) {
  if (e->s->out.len > offset_max) luaL_error(e->L, "the message is larger than 2 GiB");
  return (uint32_t)e->s->out.len;
}

void encode_sized(struct encoder *e, const char *text, size_t size) {
  uint8_t *at = put_varint(encoder_room(e, WRITER_VARINT_MAX + size), size);
  if (size) memcpy(at, text, size);
  encoder_wrote(e, at + size);
}

static void encode_sized_value(struct encoder *e, int index) {
  size_t size;
  const char *text = lua_tolstring(e->L, index, &size);
  encode_sized(e, text, size);
}

/* ---- scalars --------------------------------------------------------------------------------- */

static void encode_text(struct encoder *e, const char *text, size_t size) {
  uint8_t *at = put_string_head(encoder_room(e, WRITER_VALUE_MAX + size), size);
  if (size) memcpy(at, text, size);
  encoder_wrote(e, at + size);
}

static void encode_number(struct encoder *e, int index) {
  encoder_wrote(e, put_number(encoder_room(e, WRITER_VALUE_MAX), e->L, index));
}

/* ---- objects that are named again ------------------------------------------------------------ */

static void claim(struct encoder *e, const void *object, uint32_t offset, uint32_t since, uint32_t *known) {
  must_succeed(e, object_map_claim(&e->s->map, object, offset, since, known));
}

/* Enters the registered classes that are decoded: a pending one is no object yet. */
static void learn_registered(struct encoder *e) {
  lua_State *L = e->L;
  uint32_t ignored;
  names_push_all_registered(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    claim(e, lua_topointer(L, -1), known_as_registered, 0, &ignored);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Enters the tables that are never copied. Done for each message: `require` gives no notice. */
static void learn_known_objects(struct encoder *e) {
  lua_State *L = e->L;
  const int top = lua_gettop(L);
  uint32_t ignored;
  e->has_known_objects = true;
  luaL_checkstack(L, 8, "no room to look at the modules");
  lua_pushglobaltable(L);
  claim(e, lua_topointer(L, -1), known_as_globals, 0, &ignored);
  library_environment_push_made(L);
  if (lua_istable(L, -1)) claim(e, lua_topointer(L, -1), known_as_globals, 0, &ignored);
  if (e->mode != ENCODE_IMAGE) learn_registered(e);
  lua_pushloaded(L);
  const int loaded = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    const bool is_carried = e->mode == ENCODE_IMAGE && encode_set_has_module(L, ENCODE_CARRIED, -2);
    if (lua_istable(L, -1) && !is_carried) claim(e, lua_topointer(L, -1), known_as_module, 0, &ignored);
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

void encode_end_renewing(struct encoder *e) { e->since = e->renewed = encoder_offset(e); }

/* Whether module and path on top of the stack are a global that this message renews, or lead below one. */
static bool is_renewed(const struct encoder *e) {
  return strcmp(lua_tostring(e->L, -2), "_G") == 0 && encode_set_has(e->L, ENCODE_RENEWED, -1);
}

static void encode_reference(struct encoder *e, uint32_t offset) {
  e->class->check_reference(e, offset);
  if (offset < e->least_reference) e->least_reference = offset;
  e->s->out.data[offset] |= TAG_SHARED;
  encode_number_after(e, TAG_REF, offset);
}

/* ---- strings --------------------------------------------------------------------------------- */

/* Whether the value at an offset is the string with this text. */
static bool is_string_at(const struct encoder *e, uint32_t offset, const char *text, size_t size) {
  struct reader r = reader_over(e->s->out.data, e->s->out.len);
  uint64_t known_size = 0;
  if (reader_seek(&r, offset) || !reader_left(&r)) return false;
  if ((*r.at++ & ~TAG_SHARED) != TAG_STRING || read_varint(&r, &known_size)) return false;
  return known_size == size && reader_left(&r) >= size && memcmp(r.at, text, size) == 0;
}

/* No object has this address. */
static const void *string_identity(const char *text) {
  return (const void *)(((uintptr_t)text & ~(uintptr_t)7) + 3);
}

/* Writes a long string that the message contains already as a reference. The bytes are compared, because a
 * string that nothing refers to any more may have been at the same address. */
static bool encode_if_repeated(struct encoder *e, const char *text, size_t size) {
  uint32_t known = 0;
  if (e->mode == ENCODE_IMAGE) return false;
  claim(e, string_identity(text), encoder_offset(e), e->since, &known);
  if (known == 0 || !is_string_at(e, known, text, size)) return false;
  encode_reference(e, known);
  return true;
}

static void encode_any_text(struct encoder *e, const char *text, size_t size) {
  if (size <= SHORT_STRING_MAX || !encode_if_repeated(e, text, size)) encode_text(e, text, size);
}

static void encode_string(struct encoder *e, int index) {
  size_t size;
  const char *text = lua_tolstring(e->L, index, &size);
  encode_any_text(e, text, size);
}

/* ---- modules as their source ----------------------------------------------------------------- */

static bool may_need_sources(struct encoder *e) {
  if (e->mode != ENCODE_MESSAGE) return false;
  if (e->sources != SOURCES_NOT_LOOKED) return e->sources == SOURCES_SOME;
  e->sources = module_sources_exist(e->L) ? SOURCES_SOME : SOURCES_NONE;
  if (e->sources == SOURCES_NONE) return false;
  lua_newtable(e->L);
  encode_set_keep(e->L, ENCODE_SOURCED);
  return true;
}

/* Writes the source of the module whose name is on top of the stack before what needs it, if a worker does not
 * find it otherwise. */
static void encode_source(struct encoder *e) {
  lua_State *L = e->L;
  const char *name = lua_tostring(L, -1);
  luaL_checkstack(L, 8, "no room for a module");
  if (e->sources_deep == SOURCES_DEEP || !module_source_push_if_needed(L, name)) return;
  lua_insert(L, -2);
  if (encode_set_add_module(L, ENCODE_SOURCED, -1)) {
    const struct path_step at = {.kind = PATH_ROOT, .name = name};
    encode_tag(e, TAG_SOURCE);
    encode_sized_value(e, lua_gettop(L));
    e->sources_deep++;
    encode_at_depth(e, lua_gettop(L) - 1, &at, 0);
    e->sources_deep--;
  }
  lua_remove(L, -2);
}

/* The same for the modules that the code of a function names. */
static void encode_sources_of(struct encoder *e, int function) {
  lua_State *L = e->L;
  if (!may_need_sources(e)) return;
  luaL_checkstack(L, 8, "no room for modules");
  function_names_push(L, function);
  const int count = (int)lua_rawlen(L, -1);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    encode_source(e);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* (… name) [-1, +0, memory] */
static void encode_name(struct encoder *e, enum wire_tag tag) {
  encode_tag(e, tag);
  encode_sized_value(e, -1);
  lua_pop(e->L, 1);
}

static void encode_module(struct encoder *e, int index) {
  if (!names_find_module(e->L, index)) luaL_error(e->L, "package.loaded changed meanwhile");
  if (may_need_sources(e)) encode_source(e);
  e->needs_modules = true;
  encode_name(e, TAG_MODULE);
}

void encode_registered(struct encoder *e) { encode_name(e, TAG_REGISTERED); }

/* Writes the object at `index` as a reference if it was written at `since` or behind it. Else enters
 * it in the map at the offset of the next byte, and returns false. */
static bool encode_if_known_since(struct encoder *e, int index, uint32_t since) {
  if (!e->has_known_objects) learn_known_objects(e);
  uint32_t known;
  claim(e, lua_topointer(e->L, index), encoder_offset(e), since, &known);
  if (known == 0) return false;
  if (known == known_as_globals)
    encode_tag(e, TAG_GLOBALS);
  else if (known == known_as_module)
    encode_module(e, index);
  else if (known == known_as_registered && names_find_registered(e->L, index))
    encode_registered(e);
  else
    encode_reference(e, known);
  return true;
}

static bool encode_if_known(struct encoder *e, int index) {
  return encode_if_known_since(e, index, e->since);
}

static void make_work(struct encoder *e) {
  if (!lua_isnil(e->L, e->work)) return;
  lua_newtable(e->L);
  lua_replace(e->L, e->work);
}

void encoder_keep(struct encoder *e) {
  make_work(e);
  lua_pushvalue(e->L, -1);
  lua_rawseti(e->L, e->work, -++e->kept_count);
}

/* Reserves an offset, which is filled in when the part of the object at `index` is written. */
void encode_stub(struct encoder *e, int index) {
  lua_State *L = e->L;
  const uint32_t place = encoder_offset(e);
  must_succeed(e, bytes_append(&e->s->deferred, &place, sizeof place));
  encoder_wrote(e, put_u32(encoder_room(e, 4), 0));
  make_work(e);
  lua_pushvalue(L, index);
  lua_rawseti(L, e->work, ++e->work_count);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The index of names is rebuilt at most once for each message. */
static bool find_name(struct encoder *e, int index) {
  if (names_find(e->L, index, NAMES_INDEXED)) return true;
  if (e->has_indexed_names) return false;
  e->has_indexed_names = true;
  return names_find(e->L, index, NAMES_REBUILT);
}

/* (… module, path) [-2, +0, raises] */
void encode_found_name(struct encoder *e) {
  if (e->mode == ENCODE_IMAGE && encode_set_has_module(e->L, ENCODE_WITHOUT_SOURCE, -2))
    luaL_error(e->L, "cannot send '%s' of the host", lua_tostring(e->L, -1));
  e->needs_modules |= *lua_tostring(e->L, -2) != NAMES_ORIGINAL && strcmp(lua_tostring(e->L, -2), "_G") != 0;
  encode_tag(e, TAG_NAMED);
  encode_sized_value(e, -2);
  encode_sized_value(e, -1);
  lua_pop(e->L, 2);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Whether the number at an index is a key of the written array, 1 … count. */
static bool is_array_key(lua_State *L, int index, uint32_t count) {
  const double key = lua_tonumber(L, index);
  return key >= 1 && key <= count && key == (double)(uint32_t)key;
}

/* Begins element `number` of a list. It shares no object with those before it: how a list is cut into
 * messages makes no difference. */
static struct path_step begin_item(struct encoder *e, int64_t number) {
  e->since = encoder_offset(e);
  return (struct path_step){.kind = PATH_ROOT, .name = PATH_ITEMS, .number = number};
}

static bool is_item(const struct encoder *e, int depth) { return e->is_list && depth == 1; }

/* Writes the value at `index`, on top of the stack, with the key `number` if it is an item, and pops it. */
static inline void encode_element(struct encoder *e, int index, const struct path_step *at, int64_t number,
                                  int depth) {
  if (is_item(e, depth)) {
    const struct path_step item = begin_item(e, number);
    encode_at_depth(e, index, &item, depth);
  } else {
    encode_at_depth(e, index, at, depth);
  }
  lua_pop(e->L, 1);
}

/* Writes the elements one by one: from lua_next as long as it visits 1, 2, 3, …, and the rest by
 * number. True: lua_next's last pair is not written yet, and on the stack. */
static bool encode_elements(struct encoder *e, int index, uint32_t count, const struct path_step *at,
                            int depth) {
  lua_State *L = e->L;
  struct path_step here = {.up = at, .kind = PATH_ELEMENT};
  uint32_t done = 0;
  const int key = lua_gettop(L) + 1;
  lua_pushnil(L);
  bool has_pair = lua_next(L, index);
  while (has_pair && done < count && is_key(L, done + 1)) {
    here.number = ++done;
    encode_element(e, key + 1, &here, here.number, depth);
    has_pair = lua_next(L, index);
  }
  while (done < count) {
    here.number = ++done;
    lua_rawgeti(L, index, (int)done);
    encode_element(e, lua_gettop(L), &here, here.number, depth);
  }
  return has_pair;
}

/* How many elements to write as an array: all up to the table's length `count`, holes included, so
 * that the receiver's table has the same length. None if the table is nearly empty, because its
 * length may then be a billion. */
static uint32_t array_count(lua_State *L, int index, size_t count) {
  if (count <= HOLES_FREE) return (uint32_t)count;
  if (count > INT32_MAX) return 0;
  size_t holes = 0;
  for (size_t i = 1; i <= count && holes <= HOLES_FREE + i / 2; i++) {
    lua_rawgeti(L, index, (int)i);
    holes += lua_isnil(L, -1);
    lua_pop(L, 1);
  }
  return holes <= HOLES_FREE + count / 2 ? (uint32_t)count : 0;
}

static void encode_count(struct encoder *e, uint32_t count) {
  encoder_wrote(e, put_varint(encoder_room(e, WRITER_VALUE_MAX), count));
}

/* Writes count and array; *written is the count. True: the next pair is on the stack. */
static bool encode_array(struct encoder *e, int index, uint32_t *written, const struct path_step *at,
                         int depth) {
  const size_t start = e->s->out.len;
  const size_t length = lua_rawlen(e->L, index);
  if (length >= BULK_MIN && length <= INT32_MAX) {
    encode_count(e, *written = (uint32_t)length);
    if (encode_numbers(e->L, &e->s->out, index, *written)) return lua_next(e->L, index);
    e->s->out.len = start;
  }
  encode_count(e, *written = array_count(e->L, index, length));
  return encode_elements(e, index, *written, at, depth);
}

/* Writes a string as a key: as its number if it has one. Returns its text. */
static const char *encode_key(struct encoder *e, int index) {
  struct key_list *keys = &e->s->keys;
  struct bytes *out = &e->s->out;
  size_t size;
  const char *text = lua_tolstring(e->L, index, &size);
  struct key_place *place = key_place(keys, text);
  if (key_is_at(keys, place, text, size, out->data)) {
    if (place->number >= keys->repeated) keys->repeated = place->number + 1u;
    encode_tag(e, TAG_KEY | place->number);
    return text;
  }
  if (size <= SHORT_STRING_MAX) key_enter(keys, place, text, encoder_offset(e));
  encode_any_text(e, text, size);
  return text;
}

/* Writes the rest of the table, from the pair on the stack on. Returns the size class of the pairs
 * for the shape. */
static unsigned encode_pairs(struct encoder *e, int index, uint32_t array, const struct path_step *at,
                             int depth) {
  lua_State *L = e->L;
  const int key = lua_gettop(L) - 1;
  const struct path_step here = {.up = at, .kind = PATH_FIELD, .number = key};
  const struct path_step of_key = {.up = &here, .kind = PATH_KEY};
  size_t count = 0;
  for (bool has_pair = true; has_pair; has_pair = lua_next(L, index)) {
    const int type = lua_type(L, key);
    if (type == LUA_TSTRING && e->mode != ENCODE_IMAGE) {
      if (encode_key(e, key)[0] == '_') e->class->see_field(e, index, key);
    } else if (type == LUA_TNUMBER && is_array_key(L, key, array)) {
      lua_pop(L, 1);
      continue;
    } else {
      encode_at_depth(e, key, &of_key, depth);
    }
    encode_element(e, key + 1, &here, type == LUA_TNUMBER ? (int64_t)lua_tonumber(L, key) : 0, depth);
    count++;
  }
  if (count == 0) return 0;
  encode_tag(e, TAG_END);
  unsigned room = 1;
  while (((size_t)1 << (room - 1)) < count) room++;
  return room;
}

/* A class has an identity of its own in the map, beside its table's: no object has this address. */
static const void *class_identity(const void *table) { return (const char *)table + 1; }

/* Pushes the name of the metatable at `index` and returns true if it is a class for strangers. */
static bool push_name_for_strangers(lua_State *L, int index) {
  if (!names_find_registered(L, index)) return false;
  if (names_audience_of(L, lua_tostring(L, -1)) == NAMES_FOR_STRANGERS) return true;
  lua_pop(L, 1);
  return false;
}

/* Writes a class for strangers by its registered name, also where its table is a module or a value of the
 * message: a stranger's bytes name it in no other way. Most instances of a message follow one of
 * the same class. False: it is no such class. */
static bool encode_if_for_strangers(struct encoder *e, int index) {
  const void *table = lua_topointer(e->L, index);
  if (table != e->last_class) {
    e->last_class = table;
    e->last_class_offset = 0;
    if (!push_name_for_strangers(e->L, index)) return false;
    const uint32_t offset = encoder_offset(e);
    claim(e, class_identity(table), offset, 0, &e->last_class_offset);
    if (e->last_class_offset == 0) {
      e->last_class_offset = offset;
      encode_registered(e);
      return true;
    }
    lua_pop(e->L, 1);
  }
  if (e->last_class_offset) encode_reference(e, e->last_class_offset);
  return e->last_class_offset != 0;
}

/* Whether the table at a path is the environment of a function, or what an environment inherits from. */
static bool is_scope(lua_State *L, const struct path_step *at) {
  switch (at->kind) {
    case PATH_ENVIRONMENT: return true;
    case PATH_UPVALUE: return strcmp(at->name, "_ENV") == 0;
    case PATH_FIELD:
      return at->up->kind == PATH_METATABLE && lua_type(L, (int)at->number) == LUA_TSTRING &&
             strcmp(lua_tostring(L, (int)at->number), "__index") == 0;
    default: return false;
  }
}

/* Writes the metatable of the environment at a path by value: it belongs to the functions that have it, as
 * an upvalue does. */
static void encode_inheritance(struct encoder *e, int index, const struct path_step *at, int depth) {
  const struct path_step here = {.up = at, .kind = PATH_METATABLE};
  if (depth < e->depth_max) {
    encode_tag(e, TAG_TABLE);
    encode_table_part(e, index, &here, depth + 1);
    return;
  }
  encode_tag(e, TAG_TABLE_DEFERRED);
  encode_stub(e, index);
}

/* Writes the metatable of an environment, which has no id: by name if a module has it, else by value. */
static void encode_own_metatable(struct encoder *e, int index, const struct path_step *at, int depth) {
  if (find_name(e, index)) {
    if (e->mode != ENCODE_IMAGE || strcmp(lua_tostring(e->L, -2), "_G") != 0) {
      encode_found_name(e);
      return;
    }
    lua_pop(e->L, 2);
  }
  encode_inheritance(e, index, at, depth);
}

/* Whether an image has the class at `index` as it is: a registered one, whose name the image has. */
static bool is_registered_in_image(struct encoder *e, int index) {
  if (e->mode != ENCODE_IMAGE || !names_find_registered(e->L, index)) return false;
  lua_pop(e->L, 1);
  return true;
}

/* Writes a metatable: as a module, as a registered class, or as encode_class.c does. Items may share one that
 * has a name or an id, and not one that is written by value. */
void encode_metatable(struct encoder *e, int index, const struct path_step *at, int depth) {
  if (e->mode == ENCODE_DUMP && encode_if_for_strangers(e, index)) return;
  const bool is_own = is_scope(e->L, at);
  const struct path_step here = {.up = at, .kind = PATH_METATABLE};
  if (encode_if_known_since(e, index, is_own ? e->since : 0)) {
    if (!is_own) e->class->see_metatable(e, index);
  } else if (is_own) {
    encode_own_metatable(e, index, at, depth);
  } else if (is_registered_in_image(e, index)) {
    encode_inheritance(e, index, at, depth);
  } else {
    e->class->encode(e, index, &here);
  }
}

static void encode_table_part(struct encoder *e, int index, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  luaL_checkstack(L, 8, "value nested too deeply");
  const int top = lua_gettop(L);
  const size_t shape_at = e->s->out.len;
  unsigned shape = 0;
  encode_tag(e, shape);
  uint32_t array;
  if (encode_array(e, index, &array, at, depth)) shape |= encode_pairs(e, index, array, at, depth);
  lua_settop(L, top);
  if (lua_getmetatable(L, index)) {
    shape |= SHAPE_METATABLE;
    encode_metatable(e, top + 1, at, depth);
    lua_pop(L, 1);
  }
  if (e->class->encode_entries(e, index, at, depth)) shape |= SHAPE_ENTRIES;
  e->s->out.data[shape_at] = (uint8_t)shape;
}

void encode_table_as_data(struct encoder *e, int index, const struct path_step *at) {
  encode_tag(e, TAG_TABLE);
  encode_table_part(e, index, at, 1);
}

/* Writes an object below a global that the receiver has from the same message by its name. */
static bool encode_if_renewed(struct encoder *e, int index) {
  const int top = lua_gettop(e->L);
  const bool is_it = e->renewed && find_name(e, index) && is_renewed(e);
  if (is_it) encode_found_name(e);
  lua_settop(e->L, top);
  return is_it;
}

static void encode_table(struct encoder *e, int index, const struct path_step *at, int depth) {
  if (encode_if_known(e, index)) return;
  if (e->class->encode_if_object(e, index, at, depth)) return;
  if (e->class->encode_if_class(e, index, at, depth)) return;
  if (encode_if_renewed(e, index)) return;
  if (depth < e->depth_max) {
    encode_tag(e, TAG_TABLE);
    encode_table_part(e, index, at, depth + 1);
    return;
  }
  encode_tag(e, TAG_TABLE_DEFERRED);
  encode_stub(e, index);
}

/* ---- functions ------------------------------------------------------------------------------- */

static int append_code(UNUSED lua_State *L, const void *code, size_t size, void *encoder) {
  struct encoder *e = encoder;
  return bytes_append(&e->s->out, code, size) ? 1 : 0;
}

static void encode_code(struct encoder *e, int index) {
  lua_State *L = e->L;
  const size_t size_at = e->s->out.len;
  encoder_wrote(e, put_u32(encoder_room(e, 4), 0));
  lua_pushvalue(L, index);
  const int failed = lua_dump_code(L, append_code, e);
  lua_pop(L, 1);
  if (failed) error_raise_memory(L);
  const size_t size = e->s->out.len - size_at - 4;
  if (size > UINT32_MAX) luaL_error(L, "a function is larger than 4 GiB");
  put_u32(e->s->out.data + size_at, (uint32_t)size);
}

/* Writes the n-th upvalue, whose value is on top of the stack. [-1, +0, raises] */
static void encode_upvalue(struct encoder *e, int function, int n, const struct path_step *at, int depth) {
  uint32_t known = 0;
  if (lua_shares_upvalues()) claim(e, lua_upvalueid(e->L, function, n), encoder_offset(e), e->since, &known);
  if (known) {
    encode_reference(e, known);
  } else {
    encode_tag(e, TAG_CELL);
    encode_at_depth(e, lua_gettop(e->L), at, depth);
  }
  lua_pop(e->L, 1);
}

static unsigned encode_environment(struct encoder *e, int index, const struct path_step *at, int depth) {
  const struct path_step here = {.up = at, .kind = PATH_ENVIRONMENT};
  if (!lua_pushenvironment(e->L, index)) return FUNCTION_PLAIN;
  encode_at_depth(e, lua_gettop(e->L), &here, depth);
  lua_pop(e->L, 1);
  return FUNCTION_ENVIRONMENT;
}

static void encode_function_part(struct encoder *e, int index, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  luaL_checkstack(L, 8, "value nested too deeply");
  const size_t shape_at = e->s->out.len;
  encode_tag(e, FUNCTION_PLAIN);
  const unsigned shape = encode_environment(e, index, at, depth);
  e->s->out.data[shape_at] = (uint8_t)shape;
  const size_t count_at = e->s->out.len;
  encode_tag(e, 0);
  struct path_step here = {.up = at, .kind = PATH_UPVALUE};
  int count = 0;
  while ((here.name = lua_getupvalue(L, index, count + 1))) encode_upvalue(e, index, ++count, &here, depth);
  e->s->out.data[count_at] = (uint8_t)count;
}

static void encode_function(struct encoder *e, int index, const struct path_step *at, int depth) {
  const bool has_name = names_have(e->L, index);
  if (has_name && names_push_covered(e->L, index)) {
    encode_function(e, lua_gettop(e->L), at, depth);
    lua_pop(e->L, 1);
    return;
  }
  if (!has_name) encode_sources_of(e, index);
  if (encode_if_known(e, index)) return;
  e->flags |= FLAG_FUNCTIONS;
  if (has_name) {
    if (!find_name(e, index))
      path_raise(e->L, at, "a C function that no loaded module holds",
                 "make it in the worker (coroutine.wrap and io.lines return such functions)");
    encode_found_name(e);
    return;
  }
  const bool is_deferred = depth >= e->depth_max;
  encode_tag(e, is_deferred ? TAG_FUNCTION_DEFERRED : TAG_FUNCTION);
  if (is_deferred) encode_stub(e, index);
  encode_code(e, index);
  if (!is_deferred) encode_function_part(e, index, at, depth + 1);
}

/* ---- userdata -------------------------------------------------------------------------------- */

static const struct handle_type *handle_type_of(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return NULL;
  lua_pushliteral(L, HANDLE_FIELD);
  lua_rawget(L, -2);
  const struct handle_type *type = lua_islightuserdata(L, -1) ? lua_touserdata(L, -1) : NULL;
  lua_pop(L, 2);
  return type;
}

static void encode_handle(struct encoder *e, int index, const struct handle_type *type,
                          const struct path_step *at) {
  if (e->mode == ENCODE_DUMP) {
    lua_pushfstring(e->L, "a %s as bytes", type->name);
    path_raise(e->L, at, lua_tostring(e->L, -1),
               type->instead ? type->instead : "send it by a queue, a pipe or a call");
  }
  const int id = handle_id(e->s->types, type);
  if (id == 0) luaL_error(e->L, "%s is of a type that was not registered with this VM", type->name);
  struct bytes *handles = e->handles;
  must_succeed(e, bytes_reserve(handles, WIRE_HANDLE_SIZE)); /* first, because each hold must be listed */
  const uint64_t number = (handles->len - e->handles_start) / WIRE_HANDLE_SIZE;
  const bool is_part = type->place && (!type->receive || type->place(e->L, index));
  encode_number_after(e, is_part ? TAG_HANDLE_PART : TAG_HANDLE, number);
  const uint64_t reference = type->send(e->L, index);
  put_u64(put_u8(handles->data + handles->len, (unsigned)id), reference);
  handles->len += WIRE_HANDLE_SIZE;
  if (is_part) encoder_wrote(e, put_varint(encoder_room(e, WRITER_VARINT_MAX), type->place(e->L, index)));
}

static void encode_userdata(struct encoder *e, int index, const struct path_step *at, int depth) {
  if (host_null_is(e->L, index)) {
    encode_tag(e, TAG_NULL);
    return;
  }
  if (encode_if_known(e, index)) return;
  const struct handle_type *type = handle_type_of(e->L, index);
  if (type) {
    encode_handle(e, index, type, at);
    return;
  }
  if (e->class->encode_if_object(e, index, at, depth)) return;
  if (!find_name(e, index)) path_raise_userdata(e->L, at, index);
  encode_found_name(e);
}

/* ---- values ---------------------------------------------------------------------------------- */

void encode_at_depth(struct encoder *e, int index, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  switch (lua_type(L, index)) {
    case LUA_TNIL: encode_tag(e, TAG_NIL); return;
    case LUA_TBOOLEAN: encode_tag(e, lua_toboolean(L, index) ? TAG_TRUE : TAG_FALSE); return;
    case LUA_TNUMBER: encode_number(e, index); return;
    case LUA_TSTRING: encode_string(e, index); return;
    case LUA_TTABLE: encode_table(e, index, at, depth); return;
    case LUA_TFUNCTION: encode_function(e, index, at, depth); return;
    case LUA_TUSERDATA: encode_userdata(e, index, at, depth); return;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, index))
        path_raise(L, at, "a light userdata", "an address of this process: make it in the worker");
      encode_tag(e, TAG_NULL);
      return;
    case LUA_TTHREAD: path_raise(L, at, "a coroutine", "make it in the worker");
    case LUA_TYPE_CDATA: path_raise(L, at, "an FFI object (cdata)", "send its bytes: ffi.string");
    default: path_raise(L, at, luaL_typename(L, index), "make it in the worker");
  }
}

void encode_value(struct encoder *e, int index, const struct path_step *at) {
  encode_at_depth(e, index, at, 0);
}

/* Writes the part of the object on top of the stack. [-1, +0, raises] */
static void encode_part(struct encoder *e, const struct path_step *at) {
  const int index = lua_gettop(e->L);
  (lua_istable(e->L, index) ? encode_table_part : encode_function_part)(e, index, at, 1);
  lua_pop(e->L, 1);
}

void encode_deferred(struct encoder *e, const char *root) {
  const struct path_step top = {.kind = PATH_ROOT, .name = root};
  const struct path_step far = {.up = &top, .kind = PATH_FAR};
  while (e->work_done < e->work_count) {
    const uint32_t part = encoder_offset(e);
    const uint32_t place = load_u32(e->s->deferred.data + (size_t)e->work_done * sizeof place);
    put_u32(e->s->out.data + place, part);
    lua_rawgeti(e->L, e->work, ++e->work_done);
    encode_part(e, &far);
  }
}
