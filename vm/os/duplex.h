/* SPDX-License-Identifier: MIT */
/* A duplex: two connected descriptors, between a process and its child, that carry bytes both ways.
 * Only read and write are used, so that a sandboxed process can use its end. The ends are
 * close-on-exec. The callers own them. */
#ifndef OS_DUPLEX_H
#define OS_DUPLEX_H

#include <stddef.h>

#include "base/status.h"

MUST_CHECK status duplex_make(int ends[2]);
/* Writes all bytes, waiting for room. STATUS_CLOSED: the other end is gone; the writer ignores
 * SIGPIPE. */
MUST_CHECK status duplex_write(int fd, const void *bytes, size_t size);
/* Reads `size` bytes, waiting for them. STATUS_CLOSED: the other end is gone. STATUS_INTERRUPTED: a
 * signal came before the first byte; later ones are not reported. */
MUST_CHECK status duplex_read(int fd, void *bytes, size_t size);
void duplex_close(int fd);

#endif
