/* SPDX-License-Identifier: MIT */
#include "channel/pipe.h"

#include "base/check.h"
#include "shared/kill_point.h"

/* The bits of a ring's anchors. */
enum anchor { ANCHOR_READER = 1, ANCHOR_WRITER = 2 };

/* The rings live as long as the end (I1). */
static struct ring *ring_behind(object_ref ref) {
  return ref ? (struct ring *)(void *)segment_object(ref) : NULL;
}

struct ring *pipe_incoming(const struct pipe_end *end) {
  return ring_behind(end->incoming);
}
struct ring *pipe_outgoing(const struct pipe_end *end) {
  return ring_behind(end->outgoing);
}

static void hold_ring(object_ref *place, struct ring *ring, enum anchor anchor) {
  if (!ring) return;
  *place = segment_object_ref(&ring->object);
  STORE_ORDER();
  KILL_POINT("pipe.knows");
  segment_anchor(&ring->object, anchor);
  KILL_POINT("pipe.anchored");
}

/* The ring may be gone: a process may have died between storing the reference and anchoring the
 * ring, or in this function. */
static void leave_ring(object_ref ref, enum anchor anchor) {
  struct object *object = NULL;
  if (segment_find(ref, OBJECT_RING, &object)) return;
  if (!(atomic_load(&object->anchors) & anchor)) return;
  ring_close((struct ring *)(void *)object);
  KILL_POINT("pipe.closed");
  segment_unanchor(object, anchor);
}

static status make_end(struct pipe_end **out, struct ring *incoming, struct ring *outgoing) {
  struct object *object = NULL;
  const status st = segment_make_object(OBJECT_PIPE_END, sizeof(struct pipe_end), &object);
  if (st) return st;
  struct pipe_end *end = (struct pipe_end *)(void *)object;
  end->incoming = end->outgoing = 0;
  segment_publish(object);
  hold_ring(&end->incoming, incoming, ANCHOR_READER);
  hold_ring(&end->outgoing, outgoing, ANCHOR_WRITER);
  *out = end;
  return STATUS_OK;
}

static status make_ends(struct pipe_end **first, struct pipe_end **second, struct ring *forth,
                        struct ring *back) {
  const status st = make_end(first, forth, back);
  if (st) return st;
  const status other = make_end(second, back, forth);
  if (other) segment_release(&(*first)->object);
  return other;
}

status pipe_make(struct pipe_end **first, struct pipe_end **second, enum pipe_ways ways) {
  struct ring *forth = NULL;
  struct ring *back = NULL;
  status st = ring_make(&forth, (struct ring_bounds){0}, RING_STAYS);
  if (st) return st;
  if (ways == PIPE_BOTH_WAYS) st = ring_make(&back, (struct ring_bounds){0}, RING_STAYS);
  if (st == STATUS_OK) st = make_ends(first, second, forth, back);
  if (back) segment_release(&back->object);
  segment_release(&forth->object);
  return st;
}

static void validate_ring(object_ref ref, enum anchor anchor) {
  struct object *object = NULL;
  CHECK_EQ(segment_find(ref, OBJECT_RING, &object), STATUS_OK);
  CHECK(atomic_load(&object->anchors) & anchor);
}

void pipe_end_validate(const struct pipe_end *end) {
  CHECK(end->incoming || end->outgoing);
  if (end->incoming) validate_ring(end->incoming, ANCHOR_READER);
  if (end->outgoing) validate_ring(end->outgoing, ANCHOR_WRITER);
}

void pipe_end_destroy(struct object *object) {
  const struct pipe_end *end = (const struct pipe_end *)(void *)object;
  leave_ring(end->incoming, ANCHOR_READER);
  leave_ring(end->outgoing, ANCHOR_WRITER);
}
