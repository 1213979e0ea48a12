/* SPDX-License-Identifier: MIT */
/* SipHash-1-3: a hash of bytes under a secret key. Without the key nobody can choose strings that
 * collide. (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012; with the rounds that Rust
 * and CPython use.)
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
  uint64_t words[2];
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

static inline void siphash_round(uint64_t v[4]) {
  v[0] += v[1];
  v[2] += v[3];
  v[1] = siphash_rotate(v[1], 13) ^ v[0];
  v[3] = siphash_rotate(v[3], 16) ^ v[2];
  v[0] = siphash_rotate(v[0], 32);
  v[2] += v[1];
  v[0] += v[3];
  v[1] = siphash_rotate(v[1], 17) ^ v[2];
  v[3] = siphash_rotate(v[3], 21) ^ v[0];
  v[2] = siphash_rotate(v[2], 32);
}

static inline void siphash_take(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  siphash_round(v);
  v[0] ^= word;
}

static inline uint64_t siphash(const struct siphash_key *key, const void *data, size_t size) {
  const uint8_t *bytes = data;
  uint64_t v[4] = {key->words[0] ^ UINT64_C(0x736f6d6570736575), key->words[1] ^ UINT64_C(0x646f72616e646f6d),
                   key->words[0] ^ UINT64_C(0x6c7967656e657261),
                   key->words[1] ^ UINT64_C(0x7465646279746573)};
  uint64_t word = 0;
  size_t left = size;
  for (; left >= 8; left -= 8, bytes += 8) {
    memcpy(&word, bytes, 8);
    siphash_take(v, word);
  }
  word = (uint64_t)size << 56;
  for (size_t i = 0; i < left; i++) word |= (uint64_t)bytes[i] << 8 * i;
  siphash_take(v, word);
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) siphash_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
