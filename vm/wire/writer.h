/* SPDX-License-Identifier: MIT */
/* Writes the fields of format.h into a byte array.
 *
 * The `put_` functions write where the caller has reserved room (bytes_reserve) and return the
 * address behind. So the inner loop has one growth check for each value. They cannot fail. Pure
 * functions; any thread.
 */
#ifndef WIRE_WRITER_H
#define WIRE_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers are copied as they are in memory; a big-endian port swaps bytes here and in reader.h. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

/* The most bytes of a varint, and of a tag with one number of any kind. */
enum { WRITER_VARINT_MAX = 10, WRITER_VALUE_MAX = 16 };

static inline uint8_t *put_u8(uint8_t *at, unsigned value) {
  *at = (uint8_t)value;
  return at + 1;
}

static inline uint8_t *put_u32(uint8_t *at, uint32_t value) {
  memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

static inline uint8_t *put_u64(uint8_t *at, uint64_t value) {
  memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

static inline uint8_t *put_double(uint8_t *at, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return put_u64(at, bits);
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  *at++ = (uint8_t)value;
  return at;
}

/* Maps small magnitudes of either sign to small numbers. */
static inline uint64_t zigzag(int64_t value) { return (uint64_t)value << 1 ^ (uint64_t)(value >> 63); }

#endif
