/* SPDX-License-Identifier: MIT */
/* One static function for each production of the format, leaves first, in the order of encode.c. */
#include "state/decode.h"

#include <stdio.h>

#include "base/printable.h"
#include "state/host_null.h"
#include "state/module_source.h"
#include "wire/format.h"

struct decoder decoder_make(lua_State *L, const struct message *m, int first) {
  struct decoder d = {
      .L = L, .message = *m, .memo = first, .work = first + 1, .keys = first + 2, .budget = m->body_end};
  d.r = reader_over(m->data, message_values_end(m));
  d.r.at += WIRE_HEADER_SIZE;
  return d;
}

static const char sighting_key = 's'; /* their addresses are the keys; never written */
static const char later_key = 'l';

void decode_set_sighting(lua_State *L) { lua_rawsetp(L, LUA_REGISTRYINDEX, &sighting_key); }

void decode_see_globals_later(lua_State *L) {
  lua_pushboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &later_key);
}

/* Whether a module that was being loaded has seen a part of the globals. They are complete from now on. */
static bool take_later(lua_State *L) {
  luaL_checkstack(L, 4, "no room to decode");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &later_key);
  const bool is_wanted = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (!is_wanted) return false;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &later_key);
  return true;
}

void decode_end(struct decoder *d) {
  if (!d->sees_globals && (d->is_image || !take_later(d->L))) return;
  luaL_checkstack(d->L, 4, "no room to decode");
  lua_rawgetp(d->L, LUA_REGISTRYINDEX, &sighting_key);
  if (lua_isnil(d->L, -1))
    lua_pop(d->L, 1);
  else
    lua_call(d->L, 0, 0);
}

/* ---- what may come from whom ----------------------------------------------------------------- */

/* The least trust that a tag needs where a value begins. 0: the tag begins no value. Small integers
 * and short strings, which have their content in the tag, may come from anybody. */
static const uint8_t least_trust[TAG_SHARED] = {
    [TAG_NIL] = TRUST_STRANGER,
    [TAG_FALSE] = TRUST_STRANGER,
    [TAG_TRUE] = TRUST_STRANGER,
    [TAG_INTEGER] = TRUST_STRANGER,
    [TAG_FLOAT] = TRUST_STRANGER,
    [TAG_STRING] = TRUST_STRANGER,
    [TAG_NULL] = TRUST_STRANGER,
    [TAG_TABLE] = TRUST_STRANGER,
    [TAG_TABLE_DEFERRED] = TRUST_STRANGER,
    [TAG_REF] = TRUST_STRANGER, /* of a table or string of the message; see decode_metatable */
    [TAG_FUNCTION] = TRUST_PEER,
    [TAG_FUNCTION_DEFERRED] = TRUST_PEER,
    [TAG_GLOBALS] = TRUST_PEER,
    [TAG_MODULE] = TRUST_PEER,
    [TAG_NAMED] = TRUST_PEER,
    [TAG_REGISTERED] = TRUST_PEER,
    [TAG_CLASS] = TRUST_PEER,
    [TAG_SENT] = TRUST_PEER,
    [TAG_HANDLE] = TRUST_OWN_PROGRAM,
    [TAG_HANDLE_PART] = TRUST_OWN_PROGRAM,
    [TAG_SOURCE] = TRUST_OWN_PROGRAM,
};

/* Pushes the beginning of a sized string, a name, as a message may show it. [-0, +1, raises] */
static void decode_name(struct decoder *d) {
  enum { SHOWN_MOST = 200 };
  char shown[PRINTABLE_GROWTH * SHOWN_MOST];
  size_t size = 0;
  decode_sized(d);
  const char *name = lua_tolstring(d->L, -1, &size);
  if (*name == NAMES_ORIGINAL) name++, size--;
  if (size > SHOWN_MOST) size = SHOWN_MOST;
  lua_pushlstring(d->L, shown, printable_write(shown, name, size, PRINTABLE_TEXT));
  lua_remove(d->L, -2);
}

/* Raises for a tag that needs more trust than the sender has. The cursor is behind the tag. */
NO_RETURN static void raise_refused(struct decoder *d, unsigned tag) {
  switch (tag) {
    case TAG_FUNCTION:
    case TAG_FUNCTION_DEFERRED:
      luaL_error(d->L, "the bytes hold functions, which are refused unless {functions = true}");
      break;
    case TAG_CLASS:
      luaL_error(d->L, "the bytes hold a class, which is refused unless {functions = true}");
      break;
    case TAG_SENT:
      luaL_error(d->L,
                 "the bytes hold an object that its class makes of them; untrusted bytes bring data alone");
      break;
    case TAG_GLOBALS:
      luaL_error(d->L, "the bytes name the table of globals; untrusted bytes bring data alone");
      break;
    case TAG_MODULE:
      decode_name(d);
      luaL_error(d->L, "the bytes name the module '%s'; untrusted bytes bring data alone",
                 lua_tostring(d->L, -1));
      break;
    case TAG_NAMED:
      decode_name(d);
      decode_name(d);
      luaL_error(d->L, "the bytes name '%s' of module '%s'; untrusted bytes bring data alone",
                 lua_tostring(d->L, -1), lua_tostring(d->L, -2));
      break;
    case TAG_REGISTERED:
      decode_name(d);
      luaL_error(d->L, "the bytes name the class '%s'; untrusted bytes bring data alone",
                 lua_tostring(d->L, -1));
      break;
    default: decode_raise_malformed(d);
  }
  __builtin_unreachable(); /* for compilers: luaL_error is not declared noreturn */
}

/* Raises for an object whose class, named on top of the stack, is none for strangers. */
NO_RETURN static void raise_unregistered(struct decoder *d) {
  luaL_error(d->L, "the bytes hold an object of class '%s', which is not registered with {untrusted = true}",
             lua_tostring(d->L, -1));
  __builtin_unreachable(); /* for compilers: luaL_error is not declared noreturn */
}

/* Raises if the tag is that of a metatable with a name. The cursor is behind the tag. */
static void raise_if_named(struct decoder *d, unsigned tag) {
  if (tag == TAG_CLASS) raise_refused(d, tag);
  if (tag != TAG_NAMED && tag != TAG_MODULE) return;
  decode_name(d);
  if (tag == TAG_NAMED) {
    lua_pushliteral(d->L, ".");
    decode_name(d);
    lua_concat(d->L, 3);
  }
  raise_unregistered(d);
}

/* Raises unless the sender may send the tag. */
static void admit(struct decoder *d, unsigned tag) {
  const unsigned least = least_trust[tag & ~(unsigned)TAG_SHARED];
  if (least == 0) decode_raise_malformed(d);
  if (d->trust < (enum trust)least) raise_refused(d, tag & ~(unsigned)TAG_SHARED);
}

/* ---- reading --------------------------------------------------------------------------------- */

void decode_raise_malformed(struct decoder *d) {
  lua_pushfstring(d->L, "malformed message (at byte %d)", (int)reader_offset(&d->r));
  lua_error(d->L);
  __builtin_unreachable();
}

static void must_be(struct decoder *d, bool is_right) {
  if (!is_right) decode_raise_malformed(d);
}

uint8_t decode_u8(struct decoder *d) {
  uint8_t value = 0;
  if (read_u8(&d->r, &value)) decode_raise_malformed(d);
  return value;
}

uint32_t decode_u32(struct decoder *d) {
  uint32_t value = 0;
  if (read_u32(&d->r, &value)) decode_raise_malformed(d);
  return value;
}

uint64_t decode_count(struct decoder *d) {
  uint64_t value = 0;
  if (read_varint(&d->r, &value)) decode_raise_malformed(d);
  return value;
}

const uint8_t *decode_bytes(struct decoder *d, uint64_t size) {
  const uint8_t *bytes = NULL;
  if (read_bytes(&d->r, size, &bytes)) decode_raise_malformed(d);
  return bytes;
}

/* Moves the cursor to an offset. Returns its old position. */
static const uint8_t *decode_seek(struct decoder *d, uint64_t offset) {
  const uint8_t *from = d->r.at;
  must_be(d, offset >= WIRE_HEADER_SIZE);
  if (reader_seek(&d->r, offset)) decode_raise_malformed(d);
  return from;
}

static void push_string(struct decoder *d, uint64_t size) {
  const uint8_t *bytes = decode_bytes(d, size);
  lua_pushlstring(d->L, (const char *)bytes, (size_t)size);
}

void decode_sized(struct decoder *d) { push_string(d, decode_count(d)); }

static double decode_double(struct decoder *d) {
  double value = 0;
  if (read_double(&d->r, &value)) decode_raise_malformed(d);
  return value;
}

/* ---- shared objects -------------------------------------------------------------------------- */

/* Creates the table at `index` on first use. [-0, +0, memory] */
static void make_table_at(lua_State *L, int index) {
  if (!lua_isnil(L, index)) return;
  lua_newtable(L);
  lua_replace(L, index);
}

/* Records the object on top of the stack under its offset, if its tag says that it is shared. */
static void record(struct decoder *d, uint8_t tag, size_t offset) {
  if (!(tag & TAG_SHARED)) return;
  must_be(d, offset <= INT32_MAX);
  make_table_at(d->L, d->memo);
  lua_pushvalue(d->L, -1);
  lua_rawseti(d->L, d->memo, (int)offset);
}

/* Pushes the object recorded under an offset. False, and nothing pushed: there is none. */
static bool recall(struct decoder *d, uint64_t offset) {
  must_be(d, offset <= INT32_MAX);
  if (lua_isnil(d->L, d->memo)) return false;
  lua_rawgeti(d->L, d->memo, (int)offset);
  if (!lua_isnil(d->L, -1)) return true;
  lua_pop(d->L, 1);
  return false;
}

static void decode_reference(struct decoder *d) {
  const uint64_t offset = decode_count(d);
  if (recall(d, offset)) return;
  must_be(d, d->is_image);
  const uint8_t *from = decode_seek(d, offset);
  decode_at_depth(d, 0);
  d->r.at = from;
}

/* Adds the object on top of the stack to the worklist; its contents are at offset `part`. */
static void defer(struct decoder *d, uint32_t part) {
  lua_State *L = d->L;
  make_table_at(L, d->work);
  lua_pushvalue(L, -1);
  lua_rawseti(L, d->work, ++d->work_count);
  lua_pushnumber(L, part);
  lua_rawseti(L, d->work, ++d->work_count);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Charges `count` table slots: a message allocates no more slots, in total, than it has bytes. */
static int claim_slots(struct decoder *d, uint64_t count) {
  must_be(d, count <= d->budget && count <= INT32_MAX);
  d->budget -= count;
  return (int)count;
}

static int claim_room(struct decoder *d, unsigned shape) {
  const unsigned room = shape & SHAPE_ROOM_MASK;
  return room ? claim_slots(d, UINT64_C(1) << (room - 1)) : 0;
}

static void decode_integers(struct decoder *d, int table, int count, unsigned size) {
  const uint8_t *at = decode_bytes(d, size * (uint64_t)count);
  for (int i = 1; i <= count; i++, at += size) {
    lua_pushwhole(d->L, load_integer(at, size));
    lua_rawseti(d->L, table, i);
  }
}

static void decode_floats(struct decoder *d, int table, int count) {
  const uint8_t *at = decode_bytes(d, 8 * (uint64_t)count);
  for (int i = 1; i <= count; i++, at += 8) {
    double value;
    memcpy(&value, at, sizeof value);
    lua_pushnumber(d->L, value);
    lua_rawseti(d->L, table, i);
  }
}

static void decode_array(struct decoder *d, int table, int count, int depth) {
  if (count == 0) return;
  const uint8_t *from = d->r.at;
  const uint8_t tag = decode_u8(d);
  const unsigned size = bulk_size(tag);
  if (size) {
    tag == TAG_FLOATS ? decode_floats(d, table, count) : decode_integers(d, table, count, size);
    return;
  }
  d->r.at = from;
  for (int i = 1; i <= count; i++) {
    decode_at_depth(d, depth);
    lua_rawseti(d->L, table, i);
  }
}

/* Reads a short string as a key, and numbers it if the message refers to that number later. */
static void decode_short_key(struct decoder *d, size_t size) {
  push_string(d, size);
  if (d->keys_count == d->message.key_count) return;
  lua_pushvalue(d->L, -1);
  lua_replace(d->L, d->keys + d->keys_count++);
}

static void decode_numbered_key(struct decoder *d, int number) {
  must_be(d, number < d->keys_count);
  lua_pushvalue(d->L, d->keys + number);
}

/* Whether the value on top of the stack can be a key: lua_rawset raises for nil and NaN. */
static bool is_fit_for_key(lua_State *L) {
  const int type = lua_type(L, -1);
  return type != LUA_TNIL && (type != LUA_TNUMBER || lua_rawequal(L, -1, -1));
}

static void decode_key(struct decoder *d, int depth) {
  const uint8_t tag = *d->r.at;
  if (tag >= TAG_SHORT_STRING) {
    d->r.at++;
    if (tag >= TAG_KEY)
      decode_numbered_key(d, tag - TAG_KEY);
    else
      decode_short_key(d, tag - TAG_SHORT_STRING);
    return;
  }
  decode_at_depth(d, depth);
  must_be(d, is_fit_for_key(d->L));
}

static void decode_pairs(struct decoder *d, int table, int depth) {
  for (;;) {
    must_be(d, reader_left(&d->r) > 0);
    if (*d->r.at == TAG_END) break;
    decode_key(d, depth);
    decode_at_depth(d, depth);
    lua_rawset(d->L, table);
  }
  d->r.at++;
}

/* Pushes the class whose name is at the cursor. It is recorded under the negative offset, where no
 * value refers to it: a stranger may have instances of a class, and not the class. */
static void decode_class_for_stranger(struct decoder *d, uint8_t tag, size_t offset) {
  lua_State *L = d->L;
  const uint8_t *name = d->r.at;
  decode_sized(d);
  if (names_audience_of(L, lua_tostring(L, -1)) != NAMES_FOR_STRANGERS) {
    d->r.at = name;
    decode_name(d);
    raise_unregistered(d);
  }
  names_push_registered(L);
  if (!(tag & TAG_SHARED)) return;
  must_be(d, offset <= INT32_MAX);
  make_table_at(L, d->memo);
  lua_pushvalue(L, -1);
  lua_rawseti(L, d->memo, -(int)offset);
}

/* Pushes a metatable of a stranger's message: a class that is registered for strangers, and nothing
 * that the message itself has. */
static void decode_metatable_for_stranger(struct decoder *d) {
  const size_t offset = reader_offset(&d->r);
  const uint8_t tag = decode_u8(d);
  if ((tag & ~TAG_SHARED) == TAG_REGISTERED) {
    decode_class_for_stranger(d, tag, offset);
  } else if (tag == TAG_REF) {
    const uint64_t place = decode_count(d);
    must_be(d, place <= INT32_MAX && !lua_isnil(d->L, d->memo));
    lua_rawgeti(d->L, d->memo, -(int)place);
  } else {
    raise_if_named(d, tag & ~(unsigned)TAG_SHARED);
    decode_raise_malformed(d);
  }
  must_be(d, lua_istable(d->L, -1));
}

/* Replaces the metatable on top of the stack by the one that its instances have which bytes of
 * another program bring (`__mm_foreign`), if it has one. */
static void prefer_foreign(lua_State *L) {
  lua_pushliteral(L, "__mm_foreign");
  lua_rawget(L, -2);
  lua_remove(L, lua_istable(L, -1) ? -2 : -1);
}

/* Whether the tag is that of a metatable by value: of a registered class in an image, or of an environment,
 * which comes with functions. */
static bool is_inheritance(unsigned tag) { return tag == TAG_TABLE || tag == TAG_TABLE_DEFERRED; }

/* Pushes a metatable. */
void decode_metatable(struct decoder *d, int depth) {
  if (d->trust == TRUST_STRANGER) {
    decode_metatable_for_stranger(d);
    return;
  }
  must_be(d, reader_left(&d->r) > 0);
  const unsigned tag = *d->r.at & ~(unsigned)TAG_SHARED;
  const bool is_named = tag == TAG_MODULE || tag == TAG_NAMED || tag == TAG_REGISTERED || tag == TAG_REF ||
                        tag == TAG_CLASS || tag == TAG_SOURCE;
  must_be(d, *d->r.at < TAG_SMALL_INTEGER && (is_named || is_inheritance(tag)));
  decode_at_depth(d, depth);
  must_be(d, lua_istable(d->L, -1));
  if (d->trust < TRUST_OWN_PROGRAM) prefer_foreign(d->L);
}

/* Pushes an empty table of the sizes at the cursor, and moves the cursor behind them. */
static unsigned decode_new_table(struct decoder *d, int *count) {
  const unsigned shape = decode_u8(d);
  *count = claim_slots(d, decode_count(d));
  lua_createtable(d->L, *count, claim_room(d, shape));
  return shape;
}

/* Enters the table in the registries that have it. */
static void decode_entries(struct decoder *d, int table, int depth) {
  must_be(d, d->trust >= TRUST_PEER);
  for (int count = decode_u8(d); count > 0; count--) {
    decode_at_depth(d, depth);
    must_be(d, lua_istable(d->L, -1));
    lua_pushvalue(d->L, table);
    decode_at_depth(d, depth);
    lua_rawset(d->L, -3);
    lua_pop(d->L, 1);
  }
}

/* Fills the table on top of the stack. The metatable comes last, so that no finalizer runs on a
 * half-filled table. */
static void decode_contents(struct decoder *d, unsigned shape, int count, int depth) {
  const int table = lua_gettop(d->L);
  decode_array(d, table, count, depth);
  if (shape & SHAPE_ROOM_MASK) decode_pairs(d, table, depth);
  if (shape & SHAPE_METATABLE) {
    decode_metatable(d, depth);
    lua_setmetatable(d->L, table);
  }
  if (shape & SHAPE_ENTRIES) decode_entries(d, table, depth);
}

void decode_into_table(struct decoder *d) {
  const unsigned shape = decode_u8(d);
  const int count = claim_slots(d, decode_count(d));
  (void)claim_room(d, shape);
  decode_contents(d, shape, count, 1);
}

static void decode_table(struct decoder *d, uint8_t tag, size_t offset, int depth) {
  must_be(d, depth < WIRE_DEPTH_MAX);
  luaL_checkstack(d->L, 8, "message nested too deeply");
  int count;
  const unsigned shape = decode_new_table(d, &count);
  record(d, tag, offset);
  decode_contents(d, shape, count, depth + 1);
}

void decode_deferred_into(struct decoder *d) {
  luaL_checkstack(d->L, 8, "message nested too deeply");
  must_be(d, decode_u8(d) == TAG_TABLE_DEFERRED);
  defer(d, decode_u32(d));
}

static void decode_table_deferred(struct decoder *d, uint8_t tag, size_t offset) {
  luaL_checkstack(d->L, 8, "message nested too deeply");
  const uint32_t part = decode_u32(d);
  const uint8_t *from = decode_seek(d, part);
  int count;
  decode_new_table(d, &count);
  d->r.at = from;
  record(d, tag, offset);
  defer(d, part);
}

/* ---- functions ------------------------------------------------------------------------------- */

struct code {
  const char *text;
  size_t size;
};

/* lua_Reader: returns the code in one piece. */
static const char *code_read(UNUSED lua_State *L, void *context, size_t *size) {
  struct code *code = context;
  *size = code->size;
  code->size = 0;
  return *size ? code->text : NULL;
}

/* The name of the Lua that compiled the code, possibly stored in `name`; NULL: unknown. */
static const char *code_maker(const struct code *code, char name[16]) {
  if (code->size >= 5 && memcmp(code->text, "\x1bLua", 4) == 0) {
    snprintf(name, 16, "Lua %d.%d", code->text[4] >> 4 & 15, code->text[4] & 15);
    return name;
  }
  return code->size >= 5 && memcmp(code->text, "\x1bLJ", 3) == 0 ? "LuaJIT" : NULL;
}

/* Refuses code of another Lua. lua_load checks sizes and byte order itself. */
static void check_maker(struct decoder *d, const struct code *code) {
  char name[16];
  const char *maker = code_maker(code, name);
  must_be(d, maker != NULL);
  const char *ours = lua_is_jit() ? "LuaJIT" : LUA_VERSION;
  if (strcmp(maker, ours) != 0) luaL_error(d->L, "a function from %s cannot be loaded by %s", maker, ours);
}

/* Pushes a function without its upvalues. */
static void decode_code(struct decoder *d) {
  struct code code = {.size = decode_u32(d)};
  code.text = (const char *)decode_bytes(d, code.size);
  check_maker(d, &code);
  if (lua_load_code(d->L, code_read, &code, "=message"))
    luaL_error(d->L, "a function cannot be loaded here: %s", lua_tostring(d->L, -1));
}

/* Joins upvalue n of the function with the cell recorded under an offset. A cell is recorded as a
 * closure that has it, and the number of its upvalue under the negative offset.
 * False: not recorded. */
static bool join_cell(struct decoder *d, int function, int n, uint64_t offset) {
  lua_State *L = d->L;
  if (!recall(d, offset)) return false;
  lua_rawgeti(L, d->memo, -(int)offset);
  const int other = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  must_be(d, other > 0);
  if (lua_shares_upvalues()) {
    lua_upvaluejoin(L, function, n, -1, other);
    lua_pop(L, 1);
  } else {
    must_be(d, lua_getupvalue(L, -1, other) != NULL && lua_setupvalue(L, function, n) != NULL);
    lua_pop(L, 1);
  }
  return true;
}

/* Records that upvalue n of the function is the cell at `offset`. */
static void record_cell(struct decoder *d, int function, int n, uint8_t tag, size_t offset) {
  if (!(tag & TAG_SHARED)) return;
  lua_pushvalue(d->L, function);
  record(d, tag, offset);
  lua_pop(d->L, 1);
  lua_pushinteger(d->L, n);
  lua_rawseti(d->L, d->memo, -(int)offset);
}

/* Whether upvalue n is the environment, by whose name the function uses globals. */
static bool is_environment(struct decoder *d, int function, int n) {
  const char *name = lua_getupvalue(d->L, function, n);
  if (name) lua_pop(d->L, 1);
  return name && strcmp(name, "_ENV") == 0;
}

/* Pushes a value. As an environment the table of globals is used name by name, and not looked at. */
static void decode_in_scope(struct decoder *d, bool is_scope, int depth) {
  const bool sees_globals = d->sees_globals;
  const bool is_globals = reader_left(&d->r) > 0 && *d->r.at == TAG_GLOBALS;
  decode_at_depth(d, depth);
  if (is_scope && is_globals) d->sees_globals = sees_globals;
}

/* Sets upvalue n from the cell at the cursor. In an image an earlier closure may have decoded the
 * cell already; then upvalue n is joined with it. The cell is recorded before its value is decoded,
 * because the value may be a function that shares it. */
static void decode_cell(struct decoder *d, int function, int n, int depth) {
  const size_t offset = reader_offset(&d->r);
  const uint8_t tag = decode_u8(d);
  must_be(d, (tag & ~TAG_SHARED) == TAG_CELL);
  const bool is_joined = d->is_image && tag & TAG_SHARED && join_cell(d, function, n, offset);
  if (!is_joined) record_cell(d, function, n, tag, offset);
  decode_in_scope(d, is_environment(d, function, n), depth);
  if (is_joined)
    lua_pop(d->L, 1);
  else
    must_be(d, lua_setupvalue(d->L, function, n) != NULL);
}

static void decode_upvalue(struct decoder *d, int function, int n, int depth) {
  must_be(d, reader_left(&d->r) > 0);
  if (*d->r.at != TAG_REF) {
    decode_cell(d, function, n, depth);
    return;
  }
  d->r.at++;
  const uint64_t offset = decode_count(d);
  if (join_cell(d, function, n, offset)) return;
  must_be(d, d->is_image);
  const uint8_t *from = decode_seek(d, offset);
  decode_cell(d, function, n, depth);
  d->r.at = from;
}

static void decode_environment(struct decoder *d, int function, int depth) {
  decode_in_scope(d, true, depth);
  must_be(d, lua_istable(d->L, -1));
  must_be(d, lua_setenvironment(d->L, function));
}

/* Sets environment and upvalues of the function on top of the stack. */
static void decode_function_part(struct decoder *d, int depth) {
  luaL_checkstack(d->L, 8, "message nested too deeply");
  const int function = lua_gettop(d->L);
  if (decode_u8(d) & FUNCTION_ENVIRONMENT) decode_environment(d, function, depth);
  const int count = decode_u8(d);
  for (int n = 1; n <= count; n++) {
    must_be(d, lua_getupvalue(d->L, function, n) != NULL);
    lua_pop(d->L, 1);
    decode_upvalue(d, function, n, depth);
  }
}

static void decode_function(struct decoder *d, uint8_t tag, size_t offset, int depth) {
  must_be(d, depth < WIRE_DEPTH_MAX);
  decode_code(d);
  record(d, tag, offset);
  decode_function_part(d, depth + 1);
}

static void decode_function_deferred(struct decoder *d, uint8_t tag, size_t offset) {
  const uint32_t part = decode_u32(d);
  decode_code(d);
  record(d, tag, offset);
  defer(d, part);
}

/* ---- names and handles ----------------------------------------------------------------------- */

static void decode_named(struct decoder *d) {
  decode_sized(d);
  decode_sized(d);
  names_push_named(d->L);
}

static void decode_module(struct decoder *d) {
  decode_sized(d);
  names_push_module(d->L);
}

/* Makes a module known to `require`, and pushes the value that needs it. */
static void decode_after_source(struct decoder *d, int depth) {
  lua_State *L = d->L;
  luaL_checkstack(L, 12, "message nested too deeply");
  decode_sized(d);
  must_be(d, d->sources_deep++ < SOURCES_DEEP);
  decode_at_depth(d, 0);
  d->sources_deep--;
  must_be(d, lua_isfunction(L, -1));
  module_source_add(L, lua_tostring(L, -2));
  lua_pop(L, 1);
  decode_at_depth(d, depth);
}

/* The handles of the message come in their order; those of class bodies that are skipped do not come. */
static void decode_handle(struct decoder *d, unsigned tag) {
  const uint64_t index = decode_count(d) + d->handles_start;
  const struct message *m = d->outer ? &d->outer->message : &d->message;
  must_be(d, index < m->handle_count && (d->is_image || index >= d->received));
  const struct message_handle handle = message_handle_at(m, (uint32_t)index);
  const struct handle_type *type = d->types->by_id[handle.type];
  if (!type) {
    luaL_error(d->L, "a handle of type %d is not known to this VM", handle.type);
    return; /* for analysers: luaL_error is not declared noreturn */
  }
  if (!d->is_image) d->received = (uint32_t)index + 1;
  must_be(d, tag == TAG_HANDLE_PART ? type->receive_part != NULL : type->receive != NULL);
  if (tag == TAG_HANDLE_PART)
    type->receive_part(d->L, type, handle.reference, decode_count(d));
  else
    type->receive(d->L, type, handle.reference);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void decode_object(struct decoder *d, uint8_t tag, size_t offset, int depth) {
  switch (tag & ~TAG_SHARED) {
    case TAG_MODULE: decode_module(d); break;
    case TAG_NAMED: decode_named(d); break;
    case TAG_REGISTERED:
      decode_sized(d);
      names_push_registered(d->L);
      break;
    case TAG_HANDLE:
    case TAG_HANDLE_PART: decode_handle(d, tag & ~TAG_SHARED); break;
    case TAG_CLASS: d->class->decode(d); break;
    case TAG_STRING: decode_sized(d); break;
    case TAG_SENT: d->class->decode_sent(d, depth); break;
    case TAG_TABLE: decode_table(d, tag, offset, depth); return;
    case TAG_TABLE_DEFERRED: decode_table_deferred(d, tag, offset); return;
    case TAG_FUNCTION: decode_function(d, tag, offset, depth); return;
    case TAG_FUNCTION_DEFERRED: decode_function_deferred(d, tag, offset); return;
    default: decode_raise_malformed(d);
  }
  record(d, tag, offset);
}

/* Pushes an object of an image that is recorded already, and skips its stub at the cursor. */
static bool decode_again(struct decoder *d, uint8_t tag, size_t offset) {
  if (!d->is_image || !(tag & TAG_SHARED) || !recall(d, offset)) return false;
  switch (tag & ~TAG_SHARED) {
    case TAG_FUNCTION_DEFERRED:
      decode_u32(d);
      decode_bytes(d, decode_u32(d));
      return true;
    case TAG_TABLE_DEFERRED: decode_u32(d); return true;
    case TAG_NAMED: decode_bytes(d, decode_count(d)); /* fall through */
    case TAG_MODULE: decode_bytes(d, decode_count(d)); return true;
    case TAG_HANDLE_PART: decode_count(d); /* fall through */
    case TAG_HANDLE: decode_count(d); return true;
    case TAG_CLASS: d->class->skip(d); return true;
    case TAG_SENT: decode_bytes(d, decode_u32(d)); return true;
    default: decode_raise_malformed(d);
  }
}

void decode_at_depth(struct decoder *d, int depth) {
  lua_State *L = d->L;
  const size_t offset = reader_offset(&d->r);
  const uint8_t tag = decode_u8(d);
  if (tag >= TAG_SHORT_STRING) {
    must_be(d, tag < TAG_KEY);
    push_string(d, tag - TAG_SHORT_STRING);
    return;
  }
  if (tag >= TAG_SMALL_INTEGER) {
    lua_pushwhole(L, tag & 0x3f);
    return;
  }
  admit(d, tag);
  switch (tag) {
    case TAG_NIL: lua_pushnil(L); return;
    case TAG_FALSE: lua_pushboolean(L, 0); return;
    case TAG_TRUE: lua_pushboolean(L, 1); return;
    case TAG_INTEGER: lua_pushwhole(L, unzigzag(decode_count(d))); return;
    case TAG_FLOAT: lua_pushnumber(L, decode_double(d)); return;
    case TAG_STRING: decode_sized(d); return;
    case TAG_REF: decode_reference(d); return;
    case TAG_GLOBALS:
      d->sees_globals = true;
      lua_pushglobaltable(L);
      return;
    case TAG_NULL: host_null_push(L); return;
    case TAG_SOURCE: decode_after_source(d, depth); return;
    default:
      if (!decode_again(d, tag, offset)) decode_object(d, tag, offset, depth);
  }
}

void decode_value(struct decoder *d) { decode_at_depth(d, 0); }

/* Fills the object on top of the stack from its part at the cursor. [-1, +0, raises] */
static void decode_part(struct decoder *d) {
  if (lua_istable(d->L, -1)) {
    const unsigned shape = decode_u8(d);
    const uint64_t count = decode_count(d);
    must_be(d, count <= INT32_MAX);
    decode_contents(d, shape, (int)count, 1);
  } else {
    decode_function_part(d, 1);
  }
  lua_pop(d->L, 1);
}

void decode_make_memo(struct decoder *d) { make_table_at(d->L, d->memo); }

void decode_deferred(struct decoder *d) { decode_deferred_behind(d, 0); }

void decode_deferred_behind(struct decoder *d, int done) {
  lua_State *L = d->L;
  luaL_checkstack(L, 8, "no room to decode");
  for (; done < d->work_count; done += 2) {
    lua_rawgeti(L, d->work, done + 2);
    const uint32_t part = (uint32_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (d->is_image) decode_seek(d, part);
    must_be(d, part == reader_offset(&d->r));
    lua_rawgeti(L, d->work, done + 1);
    decode_part(d);
  }
}
