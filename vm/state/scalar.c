/* SPDX-License-Identifier: MIT */
#include "state/scalar.h"

#include "wire/message.h"
#include "wire/reader.h"

static uint8_t *put_scalar(uint8_t *at, lua_State *L, int index, const char **text, size_t *text_size) {
  switch (lua_type(L, index)) {
    case LUA_TNIL: return put_u8(at, TAG_NIL);
    case LUA_TBOOLEAN: return put_u8(at, lua_toboolean(L, index) ? TAG_TRUE : TAG_FALSE);
    case LUA_TNUMBER: return put_number(at, L, index);
    case LUA_TSTRING: *text = lua_tolstring(L, index, text_size); return put_string_head(at, *text_size);
    default: return NULL;
  }
}

size_t scalar_write(lua_State *L, int index, uint8_t *head, const char **text, size_t *text_size) {
  uint8_t *body = head + WIRE_HEADER_SIZE;
  *text = NULL;
  *text_size = 0;
  const uint8_t *end = put_scalar(put_u8(body, 1), L, index, text, text_size);
  if (!end || *text_size > UINT32_MAX - SCALAR_HEAD_MAX) return 0;
  const struct message_header header = {.body_size = (uint32_t)((size_t)(end - body) + *text_size)};
  message_put_header(head, &header);
  return (size_t)(end - head);
}

static bool push_integer(lua_State *L, struct reader *r) {
  uint64_t value = 0;
  if (read_varint(r, &value) || reader_left(r)) return false;
  lua_pushwhole(L, unzigzag(value));
  return true;
}

static bool push_float(lua_State *L, struct reader *r) {
  double value = 0;
  if (read_double(r, &value) || reader_left(r)) return false;
  lua_pushnumber(L, value);
  return true;
}

static bool push_string(lua_State *L, const struct reader *r, uint64_t size) {
  if (size != reader_left(r)) return false;
  lua_pushlstring(L, (const char *)r->at, (size_t)size);
  return true;
}

static bool push_long_string(lua_State *L, struct reader *r) {
  uint64_t size = 0;
  return !read_varint(r, &size) && push_string(L, r, size);
}

static bool push_tagged(lua_State *L, struct reader *r, uint8_t tag) {
  if (tag >= TAG_SHORT_STRING) return tag < TAG_KEY && push_string(L, r, tag & SHORT_STRING_MAX);
  if (tag == TAG_INTEGER) return push_integer(L, r);
  if (tag == TAG_FLOAT) return push_float(L, r);
  if (tag == TAG_STRING) return push_long_string(L, r);
  if (reader_left(r)) return false;
  switch (tag) {
    case TAG_NIL: lua_pushnil(L); return true;
    case TAG_FALSE: lua_pushboolean(L, 0); return true;
    case TAG_TRUE: lua_pushboolean(L, 1); return true;
    default: break;
  }
  if (tag < TAG_SMALL_INTEGER) return false;
  lua_pushinteger(L, tag - TAG_SMALL_INTEGER);
  return true;
}

bool scalar_is_plain(const uint8_t *data, size_t size) {
  if (size < WIRE_HEADER_SIZE + 2 || data[WIRE_HEADER_SIZE] != 1) return false;
  const uint8_t tag = data[WIRE_HEADER_SIZE + 1];
  return tag <= TAG_FLOAT || (tag >= TAG_SMALL_INTEGER && tag < TAG_SHORT_STRING);
}

bool scalar_push(lua_State *L, const void *data, size_t size) {
  struct message m;
  if (message_parse(data, size, &m) || m.version != WIRE_VERSION || m.flags || m.handle_count || m.key_count)
    return false;
  if (m.body_end < WIRE_HEADER_SIZE + 2 || m.data[WIRE_HEADER_SIZE] != 1) return false;
  struct reader r = reader_over(data, size);
  const uint8_t tag = m.data[WIRE_HEADER_SIZE + 1];
  r.at += WIRE_HEADER_SIZE + 2;
  luaL_checkstack(L, 1, "no room to decode");
  return push_tagged(L, &r, tag);
}
