/* SPDX-License-Identifier: MIT */
/* Writes a recording as one JSON object in Chrome's trace event format, which Chrome's tracing
 * page, Perfetto and our own timeline read.
 *
 * For each thread: its name and VM, then its slices in the order of time. Slices of a thread nest:
 *
 *   the whole life of a worker
 *     its tasks
 *       the thread's activity: "holds the lock", "waits for the lock", or the name of the call that
 *       blocks it; none while it has nothing to do
 *
 * Where a task begins or ends within a slice, the slice is written in two pieces. A message is an
 * arrow (a flow) from its put to its take.
 */
#ifndef TRACE_CHROME_H
#define TRACE_CHROME_H

#include <stdio.h>

#include "trace/lane.h"

struct chrome_source {
  struct trace_recording *recording; /* stopped */
  uint32_t generation;
  int64_t stop_ns; /* since the start */
  const char *program;
  int32_t recorder; /* pid */
};

/* Errors of writing are left in the file (ferror). */
void chrome_write(FILE *file, const struct chrome_source *source);

#endif
