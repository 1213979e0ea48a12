/* SPDX-License-Identifier: MIT */
/* The values that need no encoder: nil, booleans, numbers and strings.
 *
 * The most frequent messages are one of these alone. They are written and read here without a scratch, a map
 * of objects, a protected call, or a copy of the string; the bytes are the encoder's to the bit, and any
 * decoder reads them. What is no such message is left to the others. The VM's lock is held.
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

/* The number at an index; at most WRITER_VALUE_MAX bytes. [-0, +0] */
static inline uint8_t *put_number(uint8_t *at, lua_State *L, int index) {
  if (lua_isinteger(L, index)) return put_integer(at, lua_tointeger(L, index));
  return put_double(put_u8(at, TAG_FLOAT), lua_tonumber(L, index));
}

/* What stands in front of a string's bytes; at most WRITER_VALUE_MAX bytes. */
static inline uint8_t *put_string_head(uint8_t *at, size_t size) {
  if (size <= SHORT_STRING_MAX) return put_u8(at, TAG_SHORT_STRING | (unsigned)size);
  return put_varint(put_u8(at, TAG_STRING), size);
}

/* Writes a message with the one value at `index` to `head`, SCALAR_HEAD_MAX bytes, and returns how many it
 * took; the bytes of a string, *text, are to follow them. 0: the value needs an encoder. [-0, +0] */
size_t scalar_write(lua_State *L, int index, uint8_t *head, const char **text, size_t *text_size);

/* Pushes the value of such a message. False, and nothing pushed: it is another one, or malformed.
 * [-0, +1|0, memory] */
bool scalar_push(lua_State *L, const void *data, size_t size);

#endif
