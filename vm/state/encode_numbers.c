/* SPDX-License-Identifier: MIT */
#include "state/encode_numbers.h"

#include "state/error.h"
#include "wire/format.h"
#include "wire/reader.h"
#include "wire/writer.h"

enum { BULK_CHUNK = 4096 };

enum bulk_kind { BULK_NONE = 0, BULK_INTEGERS = TAG_INTEGERS, BULK_FLOATS = TAG_FLOATS };

static bool is_of_kind(lua_State *L, int index, enum bulk_kind kind) {
  const bool is_integer = lua_isinteger(L, index);
  if (kind == BULK_INTEGERS) return is_integer;
  return !(LUA_HAS_INTEGERS && is_integer) && lua_type(L, index) == LUA_TNUMBER;
}

static uint8_t *put_bulk_element(uint8_t *at, lua_State *L, enum bulk_kind kind) {
  if (kind == BULK_INTEGERS) return put_u64(at, (uint64_t)lua_tointeger(L, -1));
  return put_double(at, lua_tonumber(L, -1));
}

/* Writes up to CHUNK elements from `first` on; the key before each is on top of the stack. */
static bool encode_chunk(lua_State *L, struct bytes *out, int index, uint32_t first, uint32_t last,
                         enum bulk_kind kind) {
  if (bytes_reserve(out, 8 * (size_t)(last - first + 1))) error_raise_memory(L);
  uint8_t *at = out->data + out->len;
  for (uint32_t i = first; i <= last; i++) {
    if (!lua_next(L, index) || !is_key(L, i) || !is_of_kind(L, -1, kind)) return false;
    at = put_bulk_element(at, L, kind);
    lua_pop(L, 1);
  }
  out->len = (size_t)(at - out->data);
  return true;
}

/* The tag of whole numbers of which each fits into so many bytes. */
static unsigned tag_of_integers(const uint8_t *at, uint32_t count) {
  uint64_t bits = 0; /* of the numbers, and of the complements of negative ones */
  for (uint32_t i = 0; i < count; i++)
    bits |= load_u64(at + 8 * (size_t)i) ^ -(load_u64(at + 8 * (size_t)i) >> 63);
  if (bits <= INT8_MAX) return TAG_INTEGERS_1;
  if (bits <= INT16_MAX) return TAG_INTEGERS_2;
  return bits <= INT32_MAX ? TAG_INTEGERS_4 : TAG_INTEGERS;
}

/* Rewrites the whole numbers behind the tag at `start`, which have 8 bytes each, with no more bytes than they
 * need. */
static void shorten_integers(struct bytes *out, size_t start, uint32_t count) {
  uint8_t *tag = out->data + start;
  uint8_t *to = tag + 1;
  const uint8_t *from = to;
  *tag = (uint8_t)tag_of_integers(from, count);
  const unsigned size = bulk_size(*tag);
  if (size == 8) return;
  for (uint32_t i = 0; i < count; i++, from += 8, to += size) memmove(to, from, size);
  out->len = (size_t)(to - out->data);
}

/* Writes elements 1 … count as numbers of one kind and leaves key `count` on the stack, if all are
 * of that kind and lua_next visits them in order (it does for the array part of a table). Else
 * leaves bytes and stack unchanged. Works in chunks, because the length of a sparse table may be
 * far larger than the number of its elements. */
static bool encode_bulk(lua_State *L, struct bytes *out, int index, uint32_t count, enum bulk_kind kind) {
  const size_t start = out->len;
  const int top = lua_gettop(L);
  const uint8_t tag = (uint8_t)kind;
  if (bytes_append(out, &tag, sizeof tag)) error_raise_memory(L);
  lua_pushnil(L);
  for (uint32_t i = 1; i <= count; i += BULK_CHUNK) {
    const uint32_t last = count - i < BULK_CHUNK ? count : i + BULK_CHUNK - 1;
    if (encode_chunk(L, out, index, i, last, kind)) continue;
    lua_settop(L, top);
    out->len = start;
    return false;
  }
  if (kind == BULK_INTEGERS) shorten_integers(out, start, count);
  return true;
}

/* Tries the kind of the first element; on 5.1, where 1 and 1.5 are of one type, floats after
 * integers. */
bool encode_numbers(lua_State *L, struct bytes *out, int index, uint32_t count) {
  lua_rawgeti(L, index, 1);
  const bool is_number = lua_type(L, -1) == LUA_TNUMBER;
  const bool is_integer = is_number && lua_isinteger(L, -1);
  lua_pop(L, 1);
  if (!is_number) return false;
  if (is_integer && encode_bulk(L, out, index, count, BULK_INTEGERS)) return true;
  if (is_integer && LUA_HAS_INTEGERS) return false;
  return encode_bulk(L, out, index, count, BULK_FLOATS);
}
