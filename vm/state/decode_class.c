/* SPDX-License-Identifier: MIT */
/* Which classes this message fills, or has filled, is in the memo of the message's decoder, under the ids: so
 * a body that leads to its own class, and a class that an earlier message left incomplete, are told apart. */
#include "state/decode_class.h"

#include "state/classes.h"
#include "state/names.h"
#include "state/private_names.h"
#include "wire/format.h"

enum { FILLING_MAX = 8 };

struct class_entry {
  const uint8_t *id;
  uint64_t version;
  const uint8_t *hint;
  uint64_t hint_size;
  uint64_t first_handle;
  const uint8_t *body;
  uint32_t size;
};

static struct decoder *outermost(struct decoder *d) { return d->outer ? d->outer : d; }

static void must_be(struct decoder *d, bool is_right) {
  if (!is_right) decode_raise_malformed(d);
}

/* ---- the classes behind the values ----------------------------------------------------------- */

static struct reader classes_of(const struct decoder *d) {
  const struct message *m = &d->message;
  const size_t at = message_values_end(m);
  struct reader r = reader_over(m->data, at == m->body_end ? at : m->body_end - 4);
  r.at += at;
  return r;
}

static bool read_entry(struct decoder *d, struct reader *r, struct class_entry *out) {
  if (reader_left(r) == 0) return false;
  must_be(d, !read_bytes(r, CLASS_ID_SIZE, &out->id));
  must_be(d, !read_varint(r, &out->version));
  must_be(d, !read_varint(r, &out->hint_size) && !read_bytes(r, out->hint_size, &out->hint));
  must_be(d, !read_varint(r, &out->first_handle) && !read_u32(r, &out->size));
  must_be(d, !read_bytes(r, out->size, &out->body));
  return true;
}

static void find_entry(struct decoder *d, const uint8_t *id, struct class_entry *out) {
  struct reader r = classes_of(d);
  *out = (struct class_entry){.id = id};
  while (read_entry(d, &r, out))
    if (memcmp(out->id, id, CLASS_ID_SIZE) == 0) return;
  luaL_error(d->L, "malformed message (it names a class that it does not have)");
}

/* ---- bodies ---------------------------------------------------------------------------------- */

/* Decodes a body into the table at `class`. */
static void decode_body(struct decoder *d, const struct class_entry *entry, int class) {
  lua_State *L = d->L;
  struct message m;
  must_be(d, !message_parse(entry->body, entry->size, &m) && m.version == WIRE_VERSION);
  must_be(d, m.handle_count == 0 && entry->first_handle <= d->message.handle_count);
  luaL_checkstack(L, KEYS_MAX + 8, "no room to decode a class");
  const int base = lua_gettop(L);
  lua_settop(L, base + 2 + m.key_count);
  struct decoder body = class_decoder_make(L, &m, base + 1);
  body.types = d->types;
  body.trust = d->trust;
  body.outer = d;
  body.handles_start = (uint32_t)entry->first_handle;
  must_be(&body, decode_count(&body) == 1 && decode_u8(&body) == TAG_TABLE);
  lua_pushvalue(L, class);
  decode_into_table(&body);
  lua_pop(L, 1);
  decode_deferred(&body);
  must_be(&body, reader_left(&body.r) == 0);
  d->sees_globals |= body.sees_globals;
  lua_settop(L, base);
}

static void set_version(lua_State *L, int class, uint64_t version) {
  class_push_record(L, class);
  lua_pushnumber(L, (lua_Number)version);
  lua_rawseti(L, -2, CLASS_VERSION);
  lua_pushnil(L);
  lua_rawseti(L, -2, CLASS_BODY);
  lua_pop(L, 1);
}

/* Whether this message has filled the class with the id, or is about to; it is from now on. */
static bool is_filled_here(struct decoder *d, const uint8_t *id) {
  lua_State *L = d->L;
  decode_make_memo(d);
  lua_pushlstring(L, (const char *)id, CLASS_ID_SIZE);
  lua_pushvalue(L, -1);
  lua_rawget(L, d->memo);
  const bool is_it = !lua_isnil(L, -1);
  lua_pop(L, 1);
  lua_pushboolean(L, 1);
  lua_rawset(L, d->memo);
  return is_it;
}

static const char late_list[] = "late";

/* Puts the class at `class` on the list of those to be filled once the outermost one is complete. */
static void put_off(struct decoder *d, const struct class_entry *entry, int class) {
  lua_State *L = d->L;
  lua_getfield(L, d->memo, late_list);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, d->memo, late_list);
  }
  const int count = (int)lua_rawlen(L, -1);
  lua_pushvalue(L, class);
  lua_rawseti(L, -2, count + 1);
  lua_pushlstring(L, (const char *)entry->id, CLASS_ID_SIZE);
  lua_rawseti(L, -2, count + 2);
  lua_pop(L, 1);
}

static void fill(struct decoder *d, const struct class_entry *entry, int class);

static void fill_late(struct decoder *d) {
  lua_State *L = d->L;
  luaL_checkstack(L, 8, "no room to decode a class");
  const int list = lua_gettop(L) + 1;
  lua_getfield(L, d->memo, late_list);
  for (int i = 1; lua_istable(L, list) && i < (int)lua_rawlen(L, list); i += 2) {
    struct class_entry entry;
    lua_rawgeti(L, list, i);
    lua_rawgeti(L, list, i + 1);
    find_entry(d, (const uint8_t *)lua_tostring(L, -1), &entry);
    fill(d, &entry, list + 1);
    lua_settop(L, list);
  }
  lua_settop(L, list - 1);
  lua_pushnil(L);
  lua_setfield(L, d->memo, late_list);
}

/* Fills the class at `class` from its body, or puts that off. `d` is the message's decoder. */
static void fill(struct decoder *d, const struct class_entry *entry, int class) {
  lua_State *L = d->L;
  luaL_checkstack(L, 8, "no room to decode a class");
  if (d->filling == FILLING_MAX) {
    put_off(d, entry, class);
    return;
  }
  d->filling++;
  decode_body(d, entry, class);
  set_version(L, class, entry->version);
  class_keep(L, class);
  if (d->filling == 1) fill_late(d);
  d->filling--;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* The version of the class at `class`; -1: it is incomplete. */
static double version_of(lua_State *L, int class) {
  class_push_record(L, class);
  lua_rawgeti(L, -1, CLASS_VERSION);
  const double version = lua_isnil(L, -1) ? -1 : lua_tonumber(L, -1);
  lua_pop(L, 2);
  return version;
}

static bool is_alias(lua_State *L, int class) {
  class_push_record(L, class);
  lua_rawgeti(L, -1, CLASS_ALIAS);
  const bool is_it = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return is_it;
}

/* Empties the table at `class`. */
static void empty_table(lua_State *L, int class) {
  lua_pushnil(L);
  lua_setmetatable(L, class);
  lua_pushnil(L);
  while (lua_next(L, class)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, class);
  }
}

/* Fills the class at stack index `class` if this VM has an older version of it. */
static void renew(struct decoder *d, const struct class_entry *entry, int class) {
  if (version_of(d->L, class) < (double)entry->version && !is_alias(d->L, class) &&
      !is_filled_here(d, entry->id)) {
    empty_table(d->L, class);
    fill(d, entry, class);
  }
}

/* Pushes what the hint leads to. */
static void push_at_hint(struct decoder *d, const struct class_entry *entry) {
  lua_State *L = d->L;
  lua_pushlstring(L, (const char *)entry->hint, (size_t)entry->hint_size);
  if (private_name_is_one(lua_tostring(L, -1), (size_t)entry->hint_size)) {
    private_name_resolve(L);
    return;
  }
  lua_pushglobaltable(L);
  names_walk(L, lua_tostring(L, -2), NAMES_RAW_BELOW);
  lua_remove(L, -2);
}

/* Replaces the nil on top of the stack by this VM's own class of the same name, if it has one: another program
 * made the one with this id, or another VM that runs the same script or has the same module. False: there is none. */
static bool push_hinted(struct decoder *d, const struct class_entry *entry, int id) {
  lua_State *L = d->L;
  const int class = lua_gettop(L);
  if (entry->hint_size == 0) return false;
  push_at_hint(d, entry);
  lua_pushvalue(L, id);
  class_find(L); /* the globals may have brought it */
  if (lua_isnil(L, -1) && lua_istable(L, class + 1) && class_may_be(L, class + 1, id)) {
    class_enter_alias(L, class + 1, id);
    lua_pop(L, 1);
  }
  lua_replace(L, class);
  lua_settop(L, class);
  return lua_istable(L, class);
}

/* Replaces the nil on top of the stack by a class that this VM gets with this message. `id` is the index of its
 * id. */
static void push_new(struct decoder *d, const uint8_t *text, int id) {
  lua_State *L = d->L;
  struct class_entry entry;
  find_entry(d, text, &entry);
  if (push_hinted(d, &entry, id)) {
    renew(d, &entry, lua_gettop(L)); /* the globals bring what the class was when they were made */
    return;
  }
  lua_newtable(L);
  lua_replace(L, -2);
  class_enter(L, lua_gettop(L), id);
  (void)is_filled_here(d, text);
  fill(d, &entry, lua_gettop(L));
}

/* Completes the class on top of the stack if an earlier message left it incomplete. */
static void complete(struct decoder *d, const uint8_t *text) {
  const int class = lua_gettop(d->L);
  struct class_entry entry;
  if (version_of(d->L, class) >= 0 || is_filled_here(d, text)) return;
  find_entry(d, text, &entry);
  empty_table(d->L, class);
  fill(d, &entry, class);
}

/* Whether the table on top of the stack has weak keys: an image has all entries with the registry. */
static bool is_registry(lua_State *L) {
  if (!lua_getmetatable(L, -1)) return false;
  const bool is_one = class_has_weak_keys(L, lua_gettop(L));
  lua_pop(L, 1);
  return is_one;
}

/* The rest of a class of an image: version, private name and table. The class on top of the stack, or nil, is
 * replaced. */
static void decode_class_of_image(struct decoder *d, int id) {
  lua_State *L = d->L;
  struct class_entry entry = {.version = decode_count(d)};
  entry.hint_size = decode_count(d);
  entry.hint = decode_bytes(d, entry.hint_size);
  const bool is_new = lua_isnil(L, -1) && !push_hinted(d, &entry, id);
  if (!is_new && is_registry(L)) {
    decode_deferred_into(d); /* this VM has a part of the entries */
    return;
  }
  if (!is_new && version_of(L, lua_gettop(L)) >= 0) {
    must_be(d, decode_u8(d) == TAG_TABLE_DEFERRED);
    decode_u32(d);
    return;
  }
  lua_pop(L, 1);
  must_be(d, reader_left(&d->r) > 0 && *d->r.at == TAG_TABLE_DEFERRED);
  decode_at_depth(d, 0);
  class_enter(L, lua_gettop(L), id);
  set_version(L, lua_gettop(L), entry.version);
  class_keep(L, lua_gettop(L));
}

/* Pushes the class whose id is at the cursor. [-0, +1, raises] */
static void decode_class(struct decoder *d) {
  lua_State *L = d->L;
  luaL_checkstack(L, 12, "no room to decode a class");
  const uint8_t *text = decode_bytes(d, CLASS_ID_SIZE);
  const int id = lua_gettop(L) + 1;
  lua_pushlstring(L, (const char *)text, CLASS_ID_SIZE);
  lua_pushvalue(L, id);
  class_find(L);
  if (d->is_image)
    decode_class_of_image(d, id);
  else if (lua_isnil(L, -1))
    push_new(outermost(d), text, id);
  else
    complete(outermost(d), text);
  lua_remove(L, id);
}

/* Skips a class of an image. [-0, +0, raises] */
static void decode_class_skip(struct decoder *d) {
  decode_bytes(d, CLASS_ID_SIZE);
  decode_count(d);
  decode_bytes(d, decode_count(d));
  decode_u8(d);
  decode_u32(d);
}

/* Updates the class of the entry if this VM has an older version. */
static void update(struct decoder *d, const struct class_entry *entry) {
  lua_State *L = d->L;
  const int class = lua_gettop(L) + 1;
  lua_pushlstring(L, (const char *)entry->id, CLASS_ID_SIZE);
  class_find(L);
  if (lua_istable(L, class)) renew(d, entry, class);
  lua_settop(L, class - 1);
}

void decode_changed_classes(struct decoder *d) {
  if (!(d->message.flags & FLAG_CLASSES_CHANGED) || d->trust < TRUST_PEER) return;
  luaL_checkstack(d->L, 12, "no room to decode classes");
  struct reader r = classes_of(d);
  struct class_entry entry;
  while (read_entry(d, &r, &entry)) update(d, &entry);
}

/* ---- objects that decide for themselves ------------------------------------------------------ */

/* Pushes the object that its class makes of what is at the cursor. [-0, +1, raises] */
static void decode_sent(struct decoder *d, int depth) {
  lua_State *L = d->L;
  const int done = d->work_count;
  must_be(d, depth < WIRE_DEPTH_MAX + WIRE_SENDING_MAX);
  luaL_checkstack(L, 12, "message nested too deeply");
  const uint32_t size = decode_u32(d);
  const size_t end = reader_offset(&d->r) + size;
  const int class = lua_gettop(L) + 1;
  decode_metatable(d, depth);
  decode_at_depth(d, depth + 1);
  decode_deferred_behind(d, done);
  d->work_count = done;
  must_be(d, d->is_image || end == reader_offset(&d->r));
  if (d->is_image) must_be(d, !reader_seek(&d->r, end));
  class_push_inherited(L, class, "__mm_receive");
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  lua_replace(L, class);
}

struct decoder class_decoder_make(lua_State *L, const struct message *m, int first) {
  static const struct class_decoder class = {
      .decode = decode_class, .skip = decode_class_skip, .decode_sent = decode_sent};
  struct decoder d = decoder_make(L, m, first);
  d.class = &class;
  return d;
}
