/* SPDX-License-Identifier: MIT */
#include "shared/ring_record.h"

static owner_id ring_owner(const struct ring *r) { return owner_of_object(segment_ref(r)); }

static void validate_record(const struct ring *r, struct record head, const uint8_t *bytes) {
  if (head.kind == RECORD_OUTSIDE) {
    const struct outside *outside = (const struct outside *)(const void *)bytes;
    const owner_id owner = arena_owner(segment_arena(), outside->block);
    CHECK_EQ(owner & ~OWNER_CARRIES, ring_owner(r));
    CHECK(outside->offset + outside->size <= segment_block_size(outside->block));
  } else {
    CHECK_EQ(head.kind, RECORD_INLINE);
  }
}

static void validate_storage(const struct ring *r, const struct ring_place *place) {
  if (place->storage == storage_first(r).storage) return;
  CHECK_EQ(arena_owner(segment_arena(), place_block(place)), ring_owner(r));
}

void ring_records_validate(const struct ring *r) {
  const uint64_t tail = atomic_load(&r->tail.position);
  struct cursor at = first_record(r);
  uint64_t messages = 0;
  while (at.position != tail) {
    const uint8_t *bytes = NULL;
    const struct record head = find_record(&at, &bytes);
    validate_storage(r, &at.place);
    validate_record(r, head, bytes);
    messages++;
    at.position += record_space(head.size);
    CHECK(at.position <= tail);
  }
  CHECK_EQ(messages, atomic_load(&r->tail.count) - atomic_load(&r->head.count));
  CHECK_EQ(at.place.storage, r->tail.place.storage);
  CHECK_EQ(at.place.start, r->tail.place.start);
  CHECK(place_left(&at.place, tail) >= RING_NEXT_SPACE);
}
