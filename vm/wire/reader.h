/* SPDX-License-Identifier: MIT */
/* A cursor over bytes that are not trusted.
 *
 * I1  begin <= at <= end; nothing outside [begin, end) is ever read.
 * I2  A read that would pass the end returns STATUS_MALFORMED and changes neither the cursor nor
 *     its result.
 *
 * Sizes in the bytes are results like others: the caller compares them with reader_left before it
 * allocates. The bytes belong to the caller and must not change meanwhile: copy them out of shared
 * memory first.
 */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

struct reader {
  const uint8_t *begin;
  const uint8_t *at;
  const uint8_t *end;
};

/* The bytes stay the caller's, and stay where they are. */
static inline struct reader reader_over(const void *data, size_t size) {
  const uint8_t *begin = data;
  return (struct reader){begin, begin, begin + size};
}

/* Bytes behind the position. */
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }
/* Bytes before the position. */
static inline size_t reader_offset(const struct reader *r) { return (size_t)(r->at - r->begin); }

/* Moves the cursor to an offset from the beginning; the end itself is allowed. */
MUST_CHECK static inline status reader_seek(struct reader *r, uint64_t offset) {
  if (offset > (size_t)(r->end - r->begin)) return STATUS_MALFORMED;
  r->at = r->begin + offset;
  return STATUS_OK;
}

/* STATUS_CORRUPT: none is left, and nothing is changed, as in all that follow. */
MUST_CHECK static inline status read_u8(struct reader *r, uint8_t *out) {
  if (r->at == r->end) return STATUS_MALFORMED;
  *out = *r->at++;
  return STATUS_OK;
}

/* Points `out` at the next `size` bytes inside the message, and moves the cursor behind them. */
MUST_CHECK static inline status read_bytes(struct reader *r, uint64_t size, const uint8_t **out) {
  if (size > reader_left(r)) return STATUS_MALFORMED;
  *out = r->at;
  r->at += size;
  return STATUS_OK;
}

/* Little endian, at any address, as the next. */
static inline uint32_t load_u32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint64_t load_u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* Of so many bytes, two's complement. */
static inline int64_t load_integer(const uint8_t *at, unsigned size) {
  int64_t value = (int8_t)*at;
  int16_t two;
  int32_t four;
  switch (size) {
    case 2: memcpy(&two, at, sizeof two); return two;
    case 4: memcpy(&four, at, sizeof four); return four;
    case 8: memcpy(&value, at, sizeof value); return value;
    default: return value;
  }
}

/* Little endian, as the next. */
MUST_CHECK status read_u32(struct reader *r, uint32_t *out);
MUST_CHECK status read_u64(struct reader *r, uint64_t *out);
/* Each bit, NaNs included. */
MUST_CHECK status read_double(struct reader *r, double *out);
/* A varint of more than ten bytes, or of more than 64 bits, is malformed. */
MUST_CHECK status read_varint(struct reader *r, uint64_t *out);

static inline int64_t unzigzag(uint64_t value) { return (int64_t)(value >> 1 ^ (0 - (value & 1))); }

#endif
