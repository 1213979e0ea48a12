/* SPDX-License-Identifier: MIT */
#include "shared/ring.h"

#include "shared/segment.h"

static void add_traffic(void *context, block_ref object) {
  struct ring_traffic *sum = context;
  const struct ring *r = segment_at(object);
  if (r->object.magic != OBJECT_MAGIC || r->object.kind != OBJECT_RING) return;
  sum->messages += atomic_load(&r->tail.count);
  sum->bytes += atomic_load(&r->tail.bytes);
}

struct ring_traffic ring_traffic_of_all(void) {
  const struct totals *totals = segment_totals();
  if (!totals) return (struct ring_traffic){0};
  struct ring_traffic sum = {atomic_load(&totals->messages), atomic_load(&totals->bytes)};
  arena_each_object(segment_arena(), add_traffic, &sum);
  return sum;
}
