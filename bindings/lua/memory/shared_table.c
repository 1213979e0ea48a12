/* SPDX-License-Identifier: MIT */
/* A key is a byte for its type and then a string or eight bytes. A value is a message without
 * handles. */
#include "memory/shared_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/lazy_methods.h"
#include "core/shared_handle.h"
#include "locks/lock_handle.h"
#include "os/status_text.h"
#include "shared/shared_table.h"
#include "state/scalar.h"
#include "state/transfer.h"
#include "state/vm.h"

struct table_handle {
  struct shared_handle shared;
  struct bytes room; /* buffer for the keys and values of one operation */
};

enum { ROOM_KEPT = 64 * 1024 };

static const struct shared_type type; /* defined below the methods */

static struct table_handle *check_handle(lua_State *L) { return shared_handle_check(L, 1, &type); }

/* Raises if it was closed, also by code that ran since it was checked: finalizers, and what values have for their
 * encoding. */
static struct shared_table *table_of(lua_State *L, const struct table_handle *h) {
  shared_handle_refuse_closed(L, &h->shared);
  return (struct shared_table *)(void *)h->shared.object;
}

NO_RETURN static void raise_status(lua_State *L, status st) {
  char text[STATUS_TEXT_MAX];
  luaL_error(L, "Table: %s", status_text(st, text));
  __builtin_unreachable();
}

static void check_status(lua_State *L, status st) {
  if (st) raise_status(L, st);
}

/* The table is unchanged, for it may not have more bytes, or there is no memory. */
static void check_set(lua_State *L, const struct table_handle *h, status st, uint64_t size) {
  char text[160];
  if (st == STATUS_FULL) {
    snprintf(text, sizeof text, "Table: full: an entry of %llu bytes; it has %llu, and max_bytes is %llu",
             (unsigned long long)size, (unsigned long long)shared_table_bytes(table_of(L, h)),
             (unsigned long long)table_of(L, h)->max_bytes);
    luaL_error(L, "%s", text);
  }
  if (st != -ENOMEM) check_status(L, st);
  if (!st) return;
  return_memory_failure(L, st, NULL, size);
  luaL_error(L, "Table: %s", lua_tostring(L, -1));
}

/* ---- keys ------------------------------------------------------------------------------------ */

enum { KEY_INTEGER = 'i', KEY_STRING = 's' };

/* Appends the key at `index` to the room. */
static struct shared_table_text push_key(lua_State *L, struct table_handle *h, int index) {
  const size_t start = h->room.len;
  uint8_t kind = KEY_STRING;
  size_t size = 0;
  int64_t integer = 0;
  const void *bytes = &integer;
  if (lua_isinteger(L, index) ||
      (lua_type(L, index) == LUA_TNUMBER && lua_tonumber(L, index) == (lua_Number)lua_tointeger(L, index))) {
    kind = KEY_INTEGER;
    integer = lua_tointeger(L, index);
    size = sizeof integer;
  } else if (lua_type(L, index) == LUA_TSTRING) {
    bytes = lua_tolstring(L, index, &size);
  } else {
    luaL_error(L, "Table: a key is a string or an integer, got %s", luaL_typename(L, index));
  }
  check_status(L, bytes_append(&h->room, &kind, 1));
  check_status(L, bytes_append(&h->room, bytes, size));
  return (struct shared_table_text){h->room.data + start, h->room.len - start};
}

static void push_lua_key(lua_State *L, const uint8_t *key, size_t size) {
  int64_t integer = 0;
  if (key[0] == KEY_STRING) {
    lua_pushlstring(L, (const char *)key + 1, size - 1);
    return;
  }
  memcpy(&integer, key + 1, sizeof integer);
  lua_pushinteger(L, (lua_Integer)integer);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Decodes and pushes a value: LUA_OK, or the error is pushed. [-0, +1, raises] */
static int push_message(lua_State *L, const void *data, size_t size) {
  int count = 1;
  if (scalar_push(L, data, size)) return LUA_OK;
  transfer_open(L);
  luaL_checkstack(L, 8, "no room for a value");
  return transfer_try_decode(L, data, size, &count);
}

/* Pushes the value of the key at the end of the room; false, and nothing, if there is none. */
static bool push_value(lua_State *L, struct table_handle *h, struct shared_table_text key) {
  const size_t start = h->room.len;
  bool is_there = false;
  check_status(L, bytes_reserve(&h->room, 1024)); /* so that the key does not move */
  key.bytes = h->room.data + (start - key.size);
  check_status(L, shared_table_get(table_of(L, h), key, &h->room, &is_there));
  if (!is_there) return false;
  /* Decoding may run a finalizer that uses this handle, so it gets a room of its own. */
  struct bytes mine = h->room;
  bytes_init(&h->room);
  const int failed = push_message(L, mine.data + start, mine.len - start);
  bytes_fini(&h->room);
  bytes_trim(&mine, ROOM_KEPT);
  h->room = mine;
  if (failed) lua_error(L);
  return true;
}

/* A closed table still has its methods, for close. */
static int table_index(lua_State *L) {
  struct table_handle *h = class_check(L, 1, &type.class);
  bytes_clear(&h->room);
  if (h->shared.object && push_value(L, h, push_key(L, h, 2))) return 1;
  lua_pushvalue(L, 2);
  lua_gettable(L, lua_upvalueindex(1));
  if (lua_isnil(L, -1)) check_handle(L);
  return 1;
}

/* pairs(t), where Lua has __pairs: as t:iter(). [-0, +1, raises] */
static int table_pairs(lua_State *L) {
  lua_getfield(L, lua_upvalueindex(1), "iter");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static struct shared_table_text encode_value(lua_State *L, int index, uint8_t head[SCALAR_HEAD_MAX],
                                             struct table_handle *h) {
  const char *text = NULL;
  size_t text_size = 0;
  const size_t size = scalar_write(L, index, head, &text, &text_size);
  if (size && text_size == 0) return (struct shared_table_text){head, size};
  if (size) {
    const size_t start = h->room.len;
    check_status(L, bytes_append(&h->room, head, size));
    check_status(L, bytes_append(&h->room, text, text_size));
    return (struct shared_table_text){h->room.data + start, h->room.len - start};
  }
  const struct bytes *out = transfer_encode_dump(L, index, 1, "value");
  bytes_clear(&h->room); /* encoding may have run a finalizer that used this handle */
  return (struct shared_table_text){out->data, out->len};
}

/* t[key] = value; nil removes the key. [-0, +0, raises] */
static int table_newindex(lua_State *L) {
  struct table_handle *h = check_handle(L);
  uint8_t head[SCALAR_HEAD_MAX];
  lua_settop(L, 3);
  bytes_clear(&h->room);
  if (lua_isnil(L, 3)) {
    shared_table_remove(table_of(L, h), push_key(L, h, 2));
    return 0;
  }
  const struct shared_table_text value = encode_value(L, 3, head, h);
  const bool is_in_room = h->room.len > 0;
  const size_t value_size = value.size;
  struct shared_table_text key = push_key(L, h, 2);
  const struct shared_table_text kept = {is_in_room ? h->room.data : value.bytes, value_size};
  check_set(L, h, shared_table_set(table_of(L, h), key, kept), SHARED_TABLE_ENTRY + key.size + value_size);
  bytes_trim(&h->room, ROOM_KEPT);
  return 0;
}

static int table_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)shared_table_count(table_of(L, check_handle(L))));
  return 1;
}

/* Pushes a userdata with all keys, each after its size, and returns the number of bytes. The
 * copy is needed because pushing a key may run a finalizer that uses the room; it is allocated
 * before the keys are read. [-0, +1, raises] */
static size_t push_keys(lua_State *L, struct table_handle *h) {
  size_t size = 0;
  lua_pushnil(L);
  for (;;) {
    bytes_clear(&h->room);
    check_status(L, shared_table_keys(table_of(L, h), &h->room));
    if (h->room.len <= size) break;
    size = h->room.len;
    lua_pop(L, 1);
    lua_newuserdata(L, size);
  }
  const size_t used = h->room.len;
  if (used > 0) memcpy(lua_touserdata(L, -1), h->room.data, used);
  bytes_trim(&h->room, ROOM_KEPT);
  return used;
}

/* keys() → a list of the present keys. [-0, +1, raises] */
static int table_keys_method(lua_State *L) {
  const size_t size = push_keys(L, check_handle(L));
  const uint8_t *keys = lua_touserdata(L, -1);
  lua_newtable(L);
  int count = 0;
  for (size_t at = 0; at < size;) {
    uint32_t key_size = 0;
    memcpy(&key_size, keys + at, sizeof key_size);
    push_lua_key(L, keys + at + sizeof key_size, key_size);
    lua_rawseti(L, -2, ++count);
    at += sizeof key_size + key_size;
  }
  return 1;
}

/* lock() → the RLock of this table, the same one at each call. [-0, +1, raises] */
static int table_lock_method(lua_State *L) {
  struct synchronizer *s = NULL;
  check_status(L, synchronizer_beside(&table_of(L, check_handle(L))->lock, &s));
  lock_handle_push(L, s, false);
  return 1;
}

static int table_tostring(lua_State *L) {
  const struct table_handle *h = class_check(L, 1, &type.class);
  if (h->shared.object)
    lua_pushfstring(L, "Table: %d keys", (int)shared_table_count(table_of(L, h)));
  else
    lua_pushliteral(L, "closed Table");
  return 1;
}

static int table_collect(lua_State *L) {
  struct table_handle *h = class_check(L, 1, &type.class);
  shared_handle_drop(&h->shared);
  bytes_fini(&h->room);
  bytes_init(&h->room);
  return 0;
}

static int table_close(lua_State *L) REQUIRES(rank_vm) {
  class_check(L, 1, &type.class);
  shared_handle_close(L, 1, -1);
  return table_collect(L);
}

/* ---- waiting for a change -------------------------------------------------------------------- */

int shared_table_look_call(lua_State *L) {
  struct table_handle *h = check_handle(L);
  lua_settop(L, 2);
  lua_pushnumber(L, shared_table_changes(table_of(L, h)));
  bytes_clear(&h->room);
  if (!push_value(L, h, push_key(L, h, 2))) lua_pushnil(L);
  return 2;
}

struct awaiting {
  struct shared_table *table;
  uint32_t seen;
};

static status attempt_await(void *context, deadline until) {
  const struct awaiting *a = context;
  return shared_table_await_change(a->table, a->seen, until);
}

int shared_table_await_call(lua_State *L) REQUIRES(rank_vm) {
  struct table_handle *h = check_handle(L);
  struct awaiting a = {table_of(L, h), (uint32_t)lua_tonumber(L, 2)};
  const deadline until = argument_timeout(L, 3);
  struct object *held = shared_handle_hold(L, &h->shared);
  const struct wait_for_others wait = {held, TRACE_CALL_WAIT, attempt_await, &a};
  const status st = shared_handle_wait_for_others(L, &h->shared, &wait, until);
  segment_release(held);
  shared_handle_raise(L, &h->shared, st, "wait_for");
  if (st == STATUS_CLOSED) shared_handle_refuse_closed(L, &h->shared);
  return return_status(L, st);
}

static const luaL_Reg methods[] = {
    {"len", table_len}, {"keys", table_keys_method}, {"lock", table_lock_method}, {NULL, NULL}};

/* ---- making and travelling ------------------------------------------------------------------- */

static void extend_class(lua_State *L, const struct shared_type *unused) {
  (void)unused;
  shared_handle_set_function(L, "__tostring", table_tostring);
  shared_handle_set_function(L, "__len", table_len);
  shared_handle_set_function(L, "__newindex", table_newindex);
  lua_getfield(L, -1, "__index");
  lazy_methods_complete(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "methods");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, table_pairs, 1);
  lua_setfield(L, -3, "__pairs");
  lua_pushcclosure(L, table_index, 1);
  lua_setfield(L, -2, "__index");
}

static const struct shared_type type = {.travels = SHARED_TRAVELS("Table"),
                                        .class = {.name = "Table",
                                                  .key = "manymoons.Table",
                                                  .methods = methods,
                                                  .close = table_close,
                                                  .collect = table_collect},
                                        .number = HANDLE_TABLE,
                                        .kind = OBJECT_TABLE,
                                        .size = sizeof(struct table_handle),
                                        .gone = "close",
                                        .extend = extend_class};

int shared_table_new(lua_State *L) {
  const lua_Number max_bytes = luaL_optnumber(L, 1, 0);
  struct shared_handle *h = shared_handle_push(L, &type);
  struct shared_table *t = NULL;
  status st = shared_table_make((uint64_t)max_bytes, &t);
  if (refusal_collected(L, st)) st = shared_table_make((uint64_t)max_bytes, &t);
  if (st) return return_memory_failure(L, st, NULL, sizeof *t);
  shared_handle_take(L, h, &t->object);
  return 1;
}

int shared_table_methods(lua_State *L) {
  shared_handle_push_class(L, &type);
  lua_getfield(L, -1, "methods");
  return 1;
}

void shared_table_open(lua_State *L) { shared_handle_register(L, &type); }
