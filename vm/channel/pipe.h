/* SPDX-License-Identifier: MIT */
/* A pipe: two ends, each an object of its own, joined by one ring in each direction (or one ring, one way).
 *
 *     end A ── outgoing ──► ring ── incoming ──► end B
 *
 * I1  An end holds its rings for as long as it lives (as a message on its way does), so a process needs to
 * hold the end alone. I2  When nobody holds an end any more (all handles closed, or their processes dead),
 * its rings are closed: the other end reads what is left and then sees the end of file; what it sends is
 * refused.
 */
#ifndef CHANNEL_PIPE_H
#define CHANNEL_PIPE_H

#include "shared/ring.h"

struct pipe_end {
  struct object object;
  block_ref incoming; /* 0: cannot receive */
  block_ref outgoing; /* 0: cannot send */
};

enum pipe_ways { PIPE_ONE_WAY, PIPE_BOTH_WAYS };

/* Two ends, each held once by this process. One way: `first` receives what `second` sends. */
MUST_CHECK status pipe_make(struct pipe_end **first, struct pipe_end **second, enum pipe_ways ways);
struct ring *pipe_incoming(const struct pipe_end *end); /* NULL: none */
struct ring *pipe_outgoing(const struct pipe_end *end);
/* Called when nobody can reach the end any more; channel_register_kinds sees to it. */
void pipe_end_destroy(struct object *object);

#endif
