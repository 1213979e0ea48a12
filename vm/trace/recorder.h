/* SPDX-License-Identifier: MIT */
/* A recording: one process of the program starts it, all processes record, and the same process
 * writes the events to a file (chrome.h), at the latest when it exits.
 *
 * There is at most one at a time. All functions: any thread.
 */
#ifndef TRACE_RECORDER_H
#define TRACE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { RECORDER_LIMIT_DEFAULT = 8 * 1024 * 1024, RECORDER_LIMIT_LEAST = 1024 };

struct recorder_options {
  const char *path;    /* NULL: the text is kept for recorder_take */
  const char *program; /* the program's name, for readers of the file */
  uint64_t limit;      /* events that are kept, in all; further ones are counted */
};

/* Starts the recording. -EBUSY: this process records already; -errno: the file cannot be opened, or
 * there is no memory. Only the program's first process may call it, on a thread that lives as long
 * as the process. */
MUST_CHECK status recorder_start(const struct recorder_options *options);
/* True while this process records. */
bool recorder_is_recording(void);
/* Stops the recording and writes the file. STATUS_CLOSED: this process does not record; -errno: the
 * file could not be written. */
MUST_CHECK status recorder_stop(void);
/* What a recording without a path has written, once it has stopped; the caller frees it. NULL: nothing. */
char *recorder_take(size_t *size);
/* Notes that the child `pid` of this process is dead: its slices end now. */
void recorder_note_death(int32_t pid);

#endif
