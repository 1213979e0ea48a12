/* SPDX-License-Identifier: MIT */
/* A recording: one process of the program starts it, all take part, and the same process writes what was
 * recorded to a file (chrome.h), at the latest when it exits.
 *
 * There is at most one at a time. All functions: any thread.
 */
#ifndef TRACE_RECORDER_H
#define TRACE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { RECORDER_LIMIT_DEFAULT = 8 * 1024 * 1024, RECORDER_LIMIT_LEAST = 1024 };

struct recorder_options {
  const char *path;
  const char *program; /* what is recorded, for people */
  uint64_t limit;      /* how many events are kept, in all; what comes after them is counted */
};

/* From now on this process records. -EBUSY: it does already; -errno: the file cannot be opened, or there is
 * no memory. The program's first process alone may call it, on a thread that lives as long as that. */
MUST_CHECK status recorder_start(const struct recorder_options *order);
bool recorder_is_recording(void);
/* Writes the file. STATUS_CLOSED: this process does not record; -errno: it could not be written. */
MUST_CHECK status recorder_stop(void);
/* A child of this process was seen dead: what it was doing ended now. */
void recorder_note_death(int32_t pid);

#endif
