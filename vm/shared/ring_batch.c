/* SPDX-License-Identifier: MIT */
#include "shared/ring.h"
#include "shared/ring_record.h"

bool ring_batch_add(struct ring_batch *batch, const struct ring_record *text) {
  const size_t size = record_size(text);
  const uint64_t space = record_space(size);
  if (size > INLINE_MAX || space > sizeof batch->records - batch->size) return false;
  struct record *record = (struct record *)(void *)(batch->records + batch->size);
  *record = (struct record){(uint32_t)size, RECORD_INLINE};
  copy_record(record + 1, text);
  batch->size += (uint32_t)space;
  batch->count++;
  return true;
}

struct ring_record ring_batch_next(const struct ring_batch *batch, uint32_t *at) {
  const struct record *record = (const struct record *)(const void *)(batch->records + *at);
  *at += (uint32_t)record_space(record->size);
  return (struct ring_record){.body = record + 1, .body_size = record->size};
}
