/* SPDX-License-Identifier: MIT */
/* What a stream of the C library (FILE) would do: whether a read or a write of it calls the system, and whether
 * that call may wait.
 *
 * The buffer of a stream is its own; glibc shows it. With another C library nothing is known of it: there each
 * answer is 0, and a caller does everything on the slow way.
 */
#ifndef OS_FILE_STREAM_H
#define OS_FILE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"

enum file_stream_kind {
  FILE_STREAM_DISK,     /* always ready; the system may have to fetch it */
  FILE_STREAM_WAITABLE, /* a pipe, a terminal, a socket: ready at some time, which a poll tells */
  FILE_STREAM_INSTANT,  /* it does not block, or has no descriptor: a call returns at once */
};

/* Under the stream's lock (flockfile), or where no other thread uses it: */
/* How many bytes can be read without a system call; *start is where they stand. */
size_t file_stream_readable(FILE *f, const char **start);
/* Passes over so many of them. Where they stand they stay until the next read. */
void file_stream_skip(FILE *f, size_t count);
/* How many bytes can be written without one. */
size_t file_stream_writable(FILE *f);
/* How many were written and are not given to the system yet. */
size_t file_stream_pending(FILE *f);

/* Asks the system. */
enum file_stream_kind file_stream_kind(FILE *f);
/* Whether the next bytes of a file on a disk are in memory. */
bool file_stream_is_cached(FILE *f);

/* -1: it has none. */
int file_stream_descriptor(FILE *f);
/* Whether it is a pipe or a socket whose reader has gone. */
bool file_stream_is_abandoned(FILE *f);
/* Reads past the stream's buffer, in one call of the system, which may wait: *got is 0 at the end. -errno. */
MUST_CHECK status file_stream_read_now(FILE *f, void *bytes, size_t most, size_t *got);

#endif
