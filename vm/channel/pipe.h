/* SPDX-License-Identifier: MIT */
/* A pipe: two ends, each an object of its own, joined by one ring in each direction (or one ring,
 * one way).
 *
 *     end A ── outgoing ──► ring ── incoming ──► end B
 *
 * I1  An end anchors its rings as long as it lives (shared/object.h, I3), so a process holds the
 *     end alone. The end stores a ring's reference before it anchors the ring: a ring that no end
 *     anchors is not kept alive by a pipe.
 * I2  When no process holds an end any more (all handles closed, or their processes dead), its
 *     rings are closed: the other end reads what is left and then sees the end of file; its sends
 *     are refused.
 */
#ifndef CHANNEL_PIPE_H
#define CHANNEL_PIPE_H

#include "shared/ring.h"

struct pipe_end {
  struct object object;
  object_ref incoming; /* 0: cannot receive */
  object_ref outgoing; /* 0: cannot send */
};

enum pipe_ways { PIPE_ONE_WAY, PIPE_BOTH_WAYS };

/* Makes two ends, each held once by this process. PIPE_ONE_WAY: `first` receives what `second`
 * sends. -ENOMEM. */
MUST_CHECK status pipe_make(struct pipe_end **first, struct pipe_end **second, enum pipe_ways ways);
struct ring *pipe_incoming(const struct pipe_end *end); /* NULL: none */
struct ring *pipe_outgoing(const struct pipe_end *end);
/* Aborts when an invariant does not hold. Read only. */
void pipe_end_validate(const struct pipe_end *end);
/* The destructor of an end; may run twice. channel_register_kinds installs it. */
void pipe_end_destroy(struct object *object);

#endif
