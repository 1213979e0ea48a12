/* SPDX-License-Identifier: MIT */
/* The records of a ring, as drawn in ring.h, and where they are. For ring*.c alone.
 *
 * A record's head is read once, and checked: a peer may have written anything.
 */
#ifndef SHARED_RING_RECORD_H
#define SHARED_RING_RECORD_H

#include <string.h>

#include "base/check.h"
#include "shared/ring_storage.h"
#include "shared/ring_text.h"

enum record_kind { RECORD_INLINE = 1, RECORD_OUTSIDE = 2, RECORD_FILLER = 3, RECORD_NEXT = 4 };

struct record {
  uint32_t size; /* of the bytes behind, without padding */
  uint32_t kind; /* enum record_kind */
};

struct outside {
  block_ref block;
  uint64_t offset; /* of the message in the block */
  uint64_t size;
};

enum { INLINE_MAX = 4096 }; /* bytes; larger messages get a block of their own */

static inline uint64_t record_space(uint64_t size) {
  return sizeof(struct record) + ((size + 7) & ~UINT64_C(7));
}

struct cursor { /* where a record is */
  struct ring_place place;
  uint64_t position;
};

static inline struct record *record_at(const struct cursor *at) {
  return (struct record *)(void *)place_at(&at->place, at->position);
}

/* A copy of the record's head: the record ends within its lap. *bytes: what follows it. */
static inline struct record record_head(const struct cursor *at, const uint8_t **bytes) {
  const struct record *record = record_at(at);
  const struct record head = *(const volatile struct record *)record;
  CHECK(sizeof head + head.size <= place_left(&at->place, at->position));
  *bytes = (const uint8_t *)(record + 1);
  return head;
}

/* The head of the record with the next message, to which the cursor moves: behind filler, or in the
 * next storage. */
static inline struct record find_record(struct cursor *at, const uint8_t **bytes) {
  const struct record head = record_head(at, bytes);
  if (head.kind == RECORD_FILLER) {
    at->position += sizeof head + head.size;
  } else if (head.kind == RECORD_NEXT) {
    CHECK_EQ(record_space(head.size), RING_NEXT_SPACE);
    at->position += RING_NEXT_SPACE;
    at->place.start = at->position;
    memcpy(&at->place.storage, *bytes, sizeof at->place.storage);
  } else {
    return head;
  }
  return record_head(at, bytes);
}

static inline struct cursor first_record(const struct ring *r) {
  return (struct cursor){r->head.place, atomic_load_explicit(&r->head.position, memory_order_relaxed)};
}

/* Aborts unless whole records are between head and tail, as many as are counted. Under both locks. */
void ring_records_validate(const struct ring *r);

#endif
