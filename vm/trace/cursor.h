/* SPDX-License-Identifier: MIT */
/* Reads a lane, event by event, up to the events that it had when the cursor was opened. A copy of
 * a cursor is independent: it looks ahead while the first stays.
 */
#ifndef TRACE_CURSOR_H
#define TRACE_CURSOR_H

#include "trace/lane.h"
#include "trace/trace.h"

struct trace_cursor {
  const struct trace_chunk *chunk;
  block_ref more; /* the chunk behind the first events */
  uint32_t index;
  uint64_t left; /* events */
};

struct trace_moment {
  int64_t ns; /* since the start */
  enum trace_kind kind;
  uint64_t value;
};

/* Over the events that the lane has now; its thread may add more, which the cursor does not see. */
struct trace_cursor trace_cursor_open(struct trace_lane *lane);
/* The next event. False: there is none. */
MUST_CHECK bool trace_cursor_next(struct trace_cursor *c, struct trace_moment *out);

#endif
