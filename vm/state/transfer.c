/* SPDX-License-Identifier: MIT */
/* The protected calls around encoder and decoder. After a failed encoding the scratch is released
 * and the holds taken so far are dropped. The protected functions are kept in the registry, because
 * on 5.1 pushing a C function allocates. */
#include "state/transfer.h"

#include "state/caller.h"
#include "state/decode_class.h"
#include "state/encode_class.h"
#include "state/encode_sets.h"
#include "state/error.h"
#include "state/globals.h"
#include "state/globals_apply.h"
#include "state/scalar.h"
#include "wire/message.h"

static const char encode_key;
static const char decode_key;

enum { VALUES_MAX = 1000000 }; /* more than a stack of any Lua can have */

/* ---- encoding -------------------------------------------------------------------------------- */

struct encode_call {
  enum encode_mode mode;
  bool is_for_ring;
  const char *what;
  bool is_careful;   /* the second attempt */
  struct scratch *s; /* NULL until it is in use */
};

enum { ENCODE_CALL = 1, ENCODE_WORK, ENCODE_CLASSES, ENCODE_SCRATCH, ENCODE_FIRST };

static void finish_message(struct encoder *e) {
  const status st = message_finish(&e->s->out, e->flags, e->s->keys.repeated, &e->s->handles);
  if (st == STATUS_TOO_LARGE) luaL_error(e->L, "the message is larger than 4 GiB");
  if (st) error_raise_memory(e->L);
}

static void encode_roots(struct encoder *e, const char *what) {
  const int last = lua_gettop(e->L);
  const int count = last - ENCODE_FIRST + 1;
  if (message_begin(&e->s->out)) error_raise_memory(e->L);
  encoder_wrote(e, put_varint(encoder_room(e, WRITER_VALUE_MAX), (unsigned)count));
  struct path_step root = {.kind = PATH_ROOT, .name = what};
  const bool renews = count > 1 && e->mode == ENCODE_MESSAGE && encode_is_renewing(e->L, ENCODE_FIRST);
  for (int i = ENCODE_FIRST; i <= last; i++) {
    if (count > 1) root.number = i - ENCODE_FIRST + 1;
    encode_value(e, i, &root);
    if (renews && i == ENCODE_FIRST) encode_end_renewing(e);
  }
}

static void begin(struct encode_call *call, struct scratch *s) {
  scratch_clear(s);
  if (call->is_for_ring) block_bytes_begin(&s->out);
}

/* Forgets what has been encoded. */
static void begin_again(lua_State *L, struct encode_call *call) {
  struct scratch *s = call->s;
  scratch_drop_handles(s, 0);
  block_bytes_end(&s->out);
  begin(call, s);
  for (int slot = ENCODE_WORK; slot <= ENCODE_CLASSES; slot++) {
    lua_pushnil(L);
    lua_replace(L, slot);
  }
}

/* Encodes the values, as lists of items if `is_list`. False: they are to be encoded again. Items with objects that
 * they share, because the parts of deeply nested ones come behind all items, where it is not known to
 * which one they belong; others because a table turned out to be a class. */
static bool encode_once(lua_State *L, struct encode_call *call, bool *is_list) {
  struct encoder e = class_encoder_make(L, call->s, call->mode, ENCODE_WORK);
  e.is_list = *is_list;
  e.is_careful = call->is_careful;
  encode_roots(&e, call->what);
  if (e.is_list && e.work_count > 0) return *is_list = false;
  encode_deferred(&e, call->what);
  if (e.must_repeat) return false;
  encode_classes_complete(&e, call->what);
  if (e.must_repeat) return false;
  encode_classes(&e);
  finish_message(&e);
  return true;
}

/* The values of a call; lists of items where it says so. */
static void encode_values(lua_State *L, struct encode_call *call) {
  bool is_list = strcmp(call->what, PATH_ITEMS) == 0;
  while (!encode_once(L, call, &is_list)) begin_again(L, call);
}

/* (call, value …) -> nothing */
static int encode_protected(lua_State *L) {
  struct encode_call *call = lua_touserdata(L, ENCODE_CALL);
  luaL_checkstack(L, 4, "no room to encode");
  struct scratch *s = scratch_idle(L);
  lua_insert(L, ENCODE_CALL + 1);
  lua_pushnil(L);
  lua_insert(L, ENCODE_WORK);
  lua_pushnil(L);
  lua_insert(L, ENCODE_CLASSES);
  s->is_busy = true;
  call->s = s;
  begin(call, s);
  encode_values(L, call);
  return 0;
}

static int attempt(lua_State *L, int first, int count, struct encode_call *call) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &encode_key);
  lua_pushlightuserdata(L, call);
  for (int i = 0; i < count; i++) lua_pushvalue(L, first + i);
  const int result = lua_pcall(L, count + 1, 0, 0);
  if (!call->s) return result;
  call->s->is_busy = false;
  if (!result) return LUA_OK;
  scratch_drop_handles(call->s, 0);
  block_bytes_end(&call->s->out);
  return result;
}

/* A class that was not known yet may have been written as data, whose parts cannot all be sent. */
static int try_encode(lua_State *L, int first, int count, struct encode_call *call) {
  first = lua_absindex(L, first);
  const int result = attempt(L, first, count, call);
  if (!result || !call->s || error_is_of_memory(L, result)) return result;
  lua_pop(L, 1);
  call->is_careful = true;
  call->s = NULL;
  return attempt(L, first, count, call);
}

int transfer_try_encode(lua_State *L, int first, int count, const char *what, struct bytes **out) {
  struct encode_call call = {.mode = ENCODE_MESSAGE, .what = what};
  const int result = try_encode(L, first, count, &call);
  if (!result) *out = &call.s->out;
  return result;
}

/* Whether the error on top is the encoder's, and not one of the script's __mm_send. */
static bool is_refusal(lua_State *L) {
  const char *text = lua_tostring(L, -1);
  return text && strncmp(text, "cannot send", strlen("cannot send")) == 0;
}

static struct bytes *encode_or_raise(lua_State *L, int first, int count, struct encode_call *call) {
  transfer_open(L);
  luaL_checkstack(L, count + 4, "too many values to send");
  if (try_encode(L, first, count, call)) {
    if (is_refusal(L)) caller_name_in(L);
    lua_error(L);
  }
  return &call->s->out;
}

struct bytes *transfer_encode(lua_State *L, int first, int count, const char *what) {
  struct encode_call call = {.mode = ENCODE_MESSAGE, .what = what};
  return encode_or_raise(L, first, count, &call);
}

/* Strangers know classes by their registered names alone, so none may be pending. */
struct bytes *transfer_encode_dump(lua_State *L, int first, int count, const char *what) {
  globals_load_classes(L);
  struct encode_call call = {.mode = ENCODE_DUMP, .what = what};
  return encode_or_raise(L, first, count, &call);
}

struct bytes *transfer_encode_data(lua_State *L, int first, int count, const char *what) {
  struct bytes *text = transfer_encode_dump(L, first, count, what);
  struct message m;
  if (message_parse(text->data, text->len, &m)) return text;
  if (m.flags & FLAG_CLASSES)
    luaL_error(L, "cannot send an object of a class that is not registered out of a sandboxed worker");
  if (m.flags & FLAG_FUNCTIONS) {
    lua_pushliteral(L, "cannot send a function out of a sandboxed worker");
    lua_error(L);
  }
  return text;
}

struct bytes *transfer_encode_for_ring(lua_State *L, int first, int count, const char *what) {
  struct encode_call call = {.mode = ENCODE_MESSAGE, .is_for_ring = true, .what = what};
  return encode_or_raise(L, first, count, &call);
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct decode_call {
  const void *data;
  size_t size;
  enum trust trust;
  bool takes_handles;
  bool takes_globals; /* of a call */
  struct message message;
  const struct handle_types *types;
};

/* A foreign message is data for every reader, in whatever queue it was put. */
static enum trust trust_in(const struct decode_call *call) {
  return call->message.flags & FLAG_FOREIGN ? TRUST_STRANGER : call->trust;
}

static void check_header(lua_State *L, const struct decode_call *call) {
  const struct message *m = &call->message;
  if (m->flags & FLAG_IMAGE) luaL_error(L, "malformed message");
  if (m->version != WIRE_VERSION)
    luaL_error(L, "the message has wire format %d; this version reads format %d", m->version, WIRE_VERSION);
  if (m->flags & FLAG_FOREIGN && m->flags & FLAG_FUNCTIONS)
    luaL_error(L, "a sandboxed worker sent a function, which is refused");
  if (m->handle_count && (m->flags & FLAG_FOREIGN || !call->takes_handles))
    luaL_error(L, "the bytes hold handles of a program");
  if (m->flags & FLAG_FUNCTIONS && call->trust < TRUST_PEER)
    luaL_error(L, "the bytes hold functions, which are refused unless {functions = true}");
}

/* Bodies of classes that no value names change classes which this VM has: of a stranger they are refused even where
 * nothing reads them, for what a stranger may send has to mean the same to any later reader of the bytes. */
static void check_classes(lua_State *L, const struct decode_call *call) {
  if (call->message.flags & FLAG_CLASSES && trust_in(call) < TRUST_PEER)
    luaL_error(L, "the bytes hold a class, which is refused unless {functions = true}");
}

/* Moves the `count` values on top of the stack down to base + 1, and drops those between. */
static void move_down(lua_State *L, int base, int count) {
  const int first = lua_gettop(L) - count + 1;
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
    lua_replace(L, base + 1 + i);
  }
  lua_settop(L, base + count);
}

/* Pushes the values. During decoding memo, work and keys are below them. [-0, +n, raises] */
static int decode_values(lua_State *L, struct decode_call *call) {
  check_header(L, call);
  luaL_checkstack(L, 4 + KEYS_MAX, "no room to decode");
  const int base = lua_gettop(L);
  lua_settop(L, base + 2 + call->message.key_count);
  struct decoder d = class_decoder_make(L, &call->message, base + 1);
  d.types = call->types;
  d.trust = trust_in(call);
  const uint64_t count = decode_count(&d);
  if (count > reader_left(&d.r)) decode_raise_malformed(&d);
  luaL_checkstack(L, count < VALUES_MAX ? (int)count + 4 : VALUES_MAX, "too many values in a message");
  decode_changed_classes(&d);
  for (uint64_t i = 0; i < count; i++) {
    decode_value(&d);
    if (i == 0 && call->takes_globals && call->message.flags & FLAG_GLOBALS) globals_apply_more(L, -1);
  }
  decode_deferred(&d);
  if (reader_left(&d.r) > 0) decode_raise_malformed(&d);
  check_classes(L, call);
  decode_end(&d);
  move_down(L, base, (int)count);
  return (int)count;
}

static void drop_handles(const struct handle_types *types, const struct message *m) {
  for (uint32_t i = 0; i < m->handle_count; i++) {
    const struct message_handle handle = message_handle_at(m, i);
    const struct handle_type *type = types->by_id[handle.type];
    if (type) type->drop(handle.reference);
  }
}

/* (call) -> value … */
static int decode_protected(lua_State *L) {
  struct decode_call *call = lua_touserdata(L, 1);
  if (scalar_push(L, call->data, call->size)) return 1;
  if (message_parse(call->data, call->size, &call->message)) return luaL_error(L, "malformed message");
  return decode_values(L, call);
}

static int try_decode(lua_State *L, struct decode_call *call, int *count) {
  const int base = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key);
  lua_pushlightuserdata(L, call);
  const int result = lua_pcall(L, 1, LUA_MULTRET, 0);
  if (!result) *count = lua_gettop(L) - base;
  return result;
}

static int decode_own(lua_State *L, const void *data, size_t size, bool takes_globals) {
  if (scalar_push(L, data, size)) return 1;
  transfer_open(L);
  struct decode_call call = {.data = data, .size = size, .types = scratch_of(L)->types};
  call.trust = TRUST_OWN_PROGRAM;
  call.takes_handles = true;
  call.takes_globals = takes_globals;
  if (message_parse(data, size, &call.message)) return luaL_error(L, "malformed message");
  if (call.message.handle_count == 0) return decode_values(L, &call);
  int count = 0;
  luaL_checkstack(L, 4, "no room to decode");
  if (try_decode(L, &call, &count)) return lua_error(L);
  return count;
}

int transfer_decode(lua_State *L, const void *data, size_t size) { return decode_own(L, data, size, false); }

int transfer_decode_call(lua_State *L, const void *data, size_t size) {
  return decode_own(L, data, size, true);
}

int transfer_decode_dump(lua_State *L, const void *data, size_t size, enum trust trust) {
  if (scalar_push(L, data, size)) return 1;
  transfer_open(L);
  struct decode_call call = {.data = data, .size = size, .trust = trust, .types = scratch_of(L)->types};
  if (message_parse(data, size, &call.message)) return luaL_error(L, "malformed message");
  return decode_values(L, &call);
}

int transfer_try_decode(lua_State *L, const void *data, size_t size, int *count) {
  struct decode_call call = {.data = data, .size = size, .types = scratch_peek(L)->types};
  call.trust = TRUST_OWN_PROGRAM;
  call.takes_handles = true;
  return try_decode(L, &call, count);
}

int transfer_try_decode_dump(lua_State *L, const void *data, size_t size, enum trust trust, int *count) {
  struct decode_call call = {.data = data, .size = size, .trust = trust, .types = scratch_peek(L)->types};
  return try_decode(L, &call, count);
}

void transfer_discard(lua_State *L, const void *data, size_t size) {
  struct message m;
  if (!message_parse(data, size, &m)) drop_handles(scratch_peek(L)->types, &m);
}

/* ---- preparation ----------------------------------------------------------------------------- */

static bool is_open(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key);
  const bool is_there = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_there;
}

/* Stores the decoder's function last: is_open checks it for all. */
void transfer_open(lua_State *L) {
  if (is_open(L)) return;
  luaL_checkstack(L, 4, "no room to prepare for messages");
  scratch_of(L);
  lua_pushcfunction(L, encode_protected);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &encode_key);
  lua_pushcfunction(L, decode_protected);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);
}
