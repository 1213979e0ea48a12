/* SPDX-License-Identifier: MIT */
/* A recording as one JSON object in Chrome's trace event format, which its tracing page, Perfetto
 * and our own timeline read.
 *
 * For each thread: its name and VM, then its slices in the order of time. Slices of a thread nest:
 *
 *   a worker's whole life
 *     its tasks
 *       what the thread did: "holds the lock", "waits for the lock", or the name of the call that
 *       it was blocked in; between them it had nothing to do
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

/* Whether it could be written, the file knows. */
void chrome_write(FILE *file, const struct chrome_source *source);

#endif
