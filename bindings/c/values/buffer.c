/* SPDX-License-Identifier: MIT */
#include "c/values/buffer.h"

#include <errno.h>

#include "base/memory.h"

static status prepare(struct mm_buf **out) {
  struct mm_buf *b = memory_alloc(sizeof *b);
  if (!b) return -ENOMEM;
  const status st = segment_open();
  if (st)
    memory_free(b);
  else
    *out = b;
  return st;
}

status buffer_make(const struct array_element_type *type, uint64_t count, struct mm_buf **out) {
  struct mm_buf *b = NULL;
  status st = prepare(&b);
  if (st) return st;
  st = typed_array_make(type, count, &b->memory);
  if (st) {
    memory_free(b);
    return st;
  }
  b->view = typed_array_view(b->memory);
  *out = b;
  return STATUS_OK;
}

status buffer_open(object_ref reference, struct mm_buf **out) {
  struct mm_buf *b = NULL;
  struct object *object = NULL;
  status st = prepare(&b);
  if (st) return st;
  st = segment_find(reference, OBJECT_TYPED_ARRAY, &object);
  if (st == STATUS_OK) st = segment_hold(object);
  if (st) {
    memory_free(b);
    return st;
  }
  b->memory = (struct typed_array *)(void *)object;
  b->view = typed_array_view(b->memory);
  *out = b;
  return STATUS_OK;
}

void buffer_close(struct mm_buf *b) {
  segment_release(&b->memory->object);
  memory_free(b);
}
