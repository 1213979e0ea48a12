/* SPDX-License-Identifier: MIT */
/* A message on its way into a ring. */
#ifndef SHARED_RING_TEXT_H
#define SHARED_RING_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Sequence number and time of a put, taken before the message is visible. */
struct ring_receipt {
  uint64_t number;
  int64_t ns; /* clock_now_ns */
};

/* A message to be put, in two parts that arrive as one. */
struct ring_record {
  const void *head;
  size_t head_size;
  const void *body;
  size_t body_size;
  struct ring_receipt *receipt; /* filled in by a put that succeeds; NULL: not wanted */
};

static inline size_t record_size(const struct ring_record *text) { return text->head_size + text->body_size; }

static inline void copy_record(void *to, const struct ring_record *text) {
  if (text->head_size) memcpy(to, text->head, text->head_size);
  if (text->body_size) memcpy((uint8_t *)to + text->head_size, text->body, text->body_size);
}

#endif
