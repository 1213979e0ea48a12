/* SPDX-License-Identifier: MIT */
/* A growing run of bytes.
 *
 * I1  len <= cap; data is NULL exactly when cap is 0.
 * I2  `store` says where the bytes live. NULL: in private memory. Another store is set on an empty
 *     run whose bytes are to end up elsewhere, and only that store moves and frees them.
 *
 * The caller of bytes_init is the owner; nothing else keeps pointers into the run across a call
 * that may grow it. Not thread safe: one thread, or a lock of the owner's.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

struct bytes;

struct bytes_store {
  /* Makes cap at least `size`, which is more than it is; keeps the first len bytes. -ENOMEM: as it was. */
  status (*grow)(struct bytes *b, size_t size);
  /* Frees; data, len and cap are left to the caller. */
  void (*release)(struct bytes *b);
};

struct bytes {
  uint8_t *data;
  size_t len;
  size_t cap;
  const struct bytes_store *store;
};

static inline void bytes_init(struct bytes *b) { *b = (struct bytes){0}; }
void bytes_fini(struct bytes *b);

/* Makes cap at least `size` in private memory, by doubling; what a store of private memory does, too. */
MUST_CHECK status bytes_grow_privately(struct bytes *b, size_t size);

/* Room for `extra` more bytes behind len; -ENOMEM leaves everything as it was. */
MUST_CHECK status bytes_reserve_slow(struct bytes *b, size_t extra);
MUST_CHECK static inline status bytes_reserve(struct bytes *b, size_t extra) {
  return b->cap - b->len >= extra ? STATUS_OK : bytes_reserve_slow(b, extra);
}

MUST_CHECK static inline status bytes_append(struct bytes *b, const void *data, size_t len) {
  const status st = bytes_reserve(b, len);
  if (st) return st;
  if (len) memcpy(b->data + b->len, data, len);
  b->len += len;
  return STATUS_OK;
}

static inline void bytes_clear(struct bytes *b) { b->len = 0; }
/* Gives back private memory above `keep` bytes of capacity, so that one large message
 * does not pin memory. */
void bytes_trim(struct bytes *b, size_t keep);

#endif
