/* SPDX-License-Identifier: MIT */
/* The reads that are too long to be inline. */
#include "wire/reader.h"

status read_u32(struct reader *r, uint32_t *out) {
  const uint8_t *bytes;
  const status st = read_bytes(r, 4, &bytes);
  if (st) return st;
  *out = load_u32(bytes);
  return STATUS_OK;
}

status read_u64(struct reader *r, uint64_t *out) {
  const uint8_t *bytes;
  const status st = read_bytes(r, 8, &bytes);
  if (st) return st;
  *out = load_u64(bytes);
  return STATUS_OK;
}

status read_double(struct reader *r, double *out) {
  uint64_t bits;
  const status st = read_u64(r, &bits);
  if (st) return st;
  memcpy(out, &bits, sizeof bits);
  return STATUS_OK;
}

status read_varint(struct reader *r, uint64_t *out) {
  uint64_t value = 0;
  const uint8_t *at = r->at;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at == r->end) return STATUS_MALFORMED;
    const uint8_t byte = *at++;
    if (shift == 63 && byte > 1) return STATUS_MALFORMED;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte & 0x80) continue;
    r->at = at;
    *out = value;
    return STATUS_OK;
  }
  return STATUS_MALFORMED;
}
