/* SPDX-License-Identifier: MIT */
/* Ordinary files, whose names may come from anywhere: no device is touched, and no FIFO is waited for. */
#ifndef OS_REGULAR_FILE_H
#define OS_REGULAR_FILE_H

#include <stddef.h>

#include "base/bytes.h"

/* Opens an ordinary file, or a link to one, for reading. -EINVAL: it is none. */
MUST_CHECK status regular_file_open(const char *path, int *fd);
/* Appends what the descriptor gives, to the end. STATUS_TOO_LARGE: that is more than `most` bytes. */
MUST_CHECK status regular_file_read_on(int fd, size_t most, struct bytes *out);
/* Both, and closes it. */
MUST_CHECK status regular_file_read(const char *path, size_t most, struct bytes *out);
/* Writes all of it at the descriptor's place. */
MUST_CHECK status regular_file_write_on(int fd, const void *bytes, size_t size);

#endif
