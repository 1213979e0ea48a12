/* SPDX-License-Identifier: MIT */
/* Messages of one scalar: nil, a boolean, a number or a string.
 *
 * These are the most frequent messages. They are written and read here without a scratch, a map of
 * objects, a protected call, or a copy of the string. The bytes are those that the encoder would
 * write, so any decoder reads them. The caller holds the VM lock.
 */
#ifndef STATE_SCALAR_H
#define STATE_SCALAR_H

#include "state/lua_compat.h"
#include "wire/format.h"
#include "wire/writer.h"

enum { SCALAR_HEAD_MAX = WIRE_HEADER_SIZE + 1 + WRITER_VALUE_MAX };

static inline uint8_t *put_integer(uint8_t *at, int64_t value) {
  if (value >= 0 && value < 64) return put_u8(at, TAG_SMALL_INTEGER | (unsigned)value);
  return put_varint(put_u8(at, TAG_INTEGER), zigzag(value));
}

/* Writes the number at an index; at most WRITER_VALUE_MAX bytes. [-0, +0] */
static inline uint8_t *put_number(uint8_t *at, lua_State *L, int index) {
  if (lua_isinteger(L, index)) return put_integer(at, lua_tointeger(L, index));
  return put_double(put_u8(at, TAG_FLOAT), lua_tonumber(L, index));
}

/* Writes the tag and size of a string; at most WRITER_VALUE_MAX bytes. */
static inline uint8_t *put_string_head(uint8_t *at, size_t size) {
  if (size <= SHORT_STRING_MAX) return put_u8(at, TAG_SHORT_STRING | (unsigned)size);
  return put_varint(put_u8(at, TAG_STRING), size);
}

/* Writes a message with the one value at `index` to `head`, which has SCALAR_HEAD_MAX bytes, and
 * returns the number of bytes written. For a string, the caller appends the *text_size bytes at
 * *text, which belong to Lua. 0: the value needs an encoder. [-0, +0] */
size_t scalar_write(lua_State *L, int index, uint8_t *head, const char **text, size_t *text_size);

/* Whether a message is a number, a boolean or nil, as far as its tag says: pushing it allocates nothing. */
bool scalar_is_plain(const uint8_t *data, size_t size);
/* Pushes the value of a message of one scalar. False, and nothing pushed: another message, or a
 * malformed one. [-0, +1|0, memory] */
bool scalar_push(lua_State *L, const void *data, size_t size);

#endif
