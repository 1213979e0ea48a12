/* SPDX-License-Identifier: MIT */
/* Capacity doubles, so that appending is linear in total. */
#include "base/bytes.h"

#include <errno.h>

#include "base/memory.h"

void bytes_fini(struct bytes *b) {
  if (b->store)
    b->store->release(b);
  else
    memory_free(b->data);
  bytes_init(b);
}

status bytes_grow_privately(struct bytes *b, size_t size) {
  size_t cap = b->cap ? b->cap : 256;
  while (cap < size) cap *= 2;
  uint8_t *data = memory_resize(b->data, cap);
  if (!data) return -ENOMEM;
  b->data = data;
  b->cap = cap;
  return STATUS_OK;
}

status bytes_reserve_slow(struct bytes *b, size_t extra) {
  if (extra > SIZE_MAX / 2 - b->len) return -ENOMEM;
  const size_t size = b->len + extra;
  return b->store ? b->store->grow(b, size) : bytes_grow_privately(b, size);
}

void bytes_trim(struct bytes *b, size_t keep) {
  if (b->store || b->cap <= keep || b->len > keep) return;
  uint8_t *data = memory_resize(b->data, keep);
  if (!data) return;
  b->data = data;
  b->cap = keep;
}
