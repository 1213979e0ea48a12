/* SPDX-License-Identifier: MIT */
/* A byte array that grows.
 *
 * I1  len <= cap; data is NULL exactly when cap is 0.
 * I2  `store` says where the bytes live; NULL: in private memory. Another store is set while the
 *     array is empty, and from then on that store alone moves and frees the bytes.
 *
 * The caller of bytes_init is the owner. A call that may grow the array invalidates pointers into
 * it. Not thread safe: one thread, or a lock of the owner.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

struct bytes;

struct bytes_store {
  /* Raises cap to at least `size`; keeps the first len bytes. `size` > cap. -ENOMEM: nothing
   * changed. */
  status (*grow)(struct bytes *b, size_t size);
  /* Frees the memory; the caller resets data, len and cap. */
  void (*release)(struct bytes *b);
};

struct bytes {
  uint8_t *data;
  size_t len;
  size_t cap;
  const struct bytes_store *store;
};

static inline void bytes_init(struct bytes *b) { *b = (struct bytes){0}; }
/* Frees the bytes; the array is empty, and in private memory. */
void bytes_fini(struct bytes *b);

/* Raises cap to at least `size` in private memory, by doubling. Stores that keep bytes in private
 * memory call it, too. */
MUST_CHECK status bytes_grow_privately(struct bytes *b, size_t size);

/* Makes room for `extra` bytes behind len. -ENOMEM: nothing changed. */
MUST_CHECK status bytes_reserve_slow(struct bytes *b, size_t extra);
/* Room for `extra` bytes more. On failure, -ENOMEM, the bytes are unchanged. */
MUST_CHECK static inline status bytes_reserve(struct bytes *b, size_t extra) {
  return b->cap - b->len >= extra ? STATUS_OK : bytes_reserve_slow(b, extra);
}

/* Appends a copy of `len` bytes. -ENOMEM: nothing changed. */
MUST_CHECK static inline status bytes_append(struct bytes *b, const void *data, size_t len) {
  const status st = bytes_reserve(b, len);
  if (st) return st;
  if (len) memcpy(b->data + b->len, data, len);
  b->len += len;
  return STATUS_OK;
}

/* Empties the array and keeps its memory. */
static inline void bytes_clear(struct bytes *b) { b->len = 0; }
/* Shrinks private memory to `keep` bytes, so that one large message does not pin memory. No effect
 * while more than `keep` bytes are in use. */
void bytes_trim(struct bytes *b, size_t keep);

#endif
