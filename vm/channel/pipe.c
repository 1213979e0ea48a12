/* SPDX-License-Identifier: MIT */
#include "channel/pipe.h"

struct ring *pipe_incoming(const struct pipe_end *end) {
  return end->incoming ? commons_at(end->incoming) : NULL;
}
struct ring *pipe_outgoing(const struct pipe_end *end) {
  return end->outgoing ? commons_at(end->outgoing) : NULL;
}

/* The end's hold on a ring is counted like a message on its way. */
static block_ref hold_ring(struct ring *ring) {
  if (!ring) return 0;
  commons_send(&ring->object);
  return commons_ref(ring);
}

static void leave_ring(struct ring *ring) {
  if (!ring) return;
  ring_close(ring);
  commons_discard(&ring->object);
}

static status make_end(struct pipe_end **out, struct ring *incoming, struct ring *outgoing) {
  struct object *object = NULL;
  const status st = commons_make_object(OBJECT_PIPE_END, sizeof(struct pipe_end), &object);
  if (st) return st;
  struct pipe_end *end = (struct pipe_end *)(void *)object;
  end->incoming = hold_ring(incoming);
  end->outgoing = hold_ring(outgoing);
  commons_publish(object);
  *out = end;
  return STATUS_OK;
}

static status make_ends(struct pipe_end **first, struct pipe_end **second, struct ring *forth,
                        struct ring *back) {
  const status st = make_end(first, forth, back);
  if (st) return st;
  const status other = make_end(second, back, forth);
  if (other) commons_release(&(*first)->object);
  return other;
}

status pipe_make(struct pipe_end **first, struct pipe_end **second, enum pipe_ways ways) {
  struct ring *forth = NULL;
  struct ring *back = NULL;
  status st = ring_make(&forth, 0, RING_STAYS);
  if (st) return st;
  if (ways == PIPE_BOTH_WAYS) st = ring_make(&back, 0, RING_STAYS);
  if (st == STATUS_OK) st = make_ends(first, second, forth, back);
  if (back) commons_release(&back->object);
  commons_release(&forth->object);
  return st;
}

void pipe_end_destroy(struct object *object) {
  const struct pipe_end *end = (const struct pipe_end *)(void *)object;
  leave_ring(pipe_incoming(end));
  leave_ring(pipe_outgoing(end));
}
