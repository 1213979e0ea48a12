/* SPDX-License-Identifier: MIT */
/* A program that is run from memory, and what the files of this process are called. */
#ifndef OS_PROGRAM_H
#define OS_PROGRAM_H

#include <stddef.h>

#include "base/status.h"

/* A file without a name that holds `size` bytes; the caller closes *fd (close-on-exec). `name` is
 * shown by the kernel. -errno: no memory, or not allowed. */
MUST_CHECK status program_open(int *fd, const void *bytes, size_t size, const char *name);
/* The path by which this process, and a child that it starts, runs the file while it is open. */
void program_path(int fd, char *path, size_t size);
/* Closes what program_open returned; processes that run it go on. */
void program_close(int fd);
/* The path of the file that the code or data at `address` was loaded from. -ENOENT: it is from no file. */
MUST_CHECK status program_file_of(const void *address, char *path, size_t size);
/* The absolute path without symbolic links. -ENOENT, … */
MUST_CHECK status program_real_path(const char *path, char *real, size_t size);
/* Whether a library of that name could be opened; it is not kept open. */
MUST_CHECK status program_find_library(const char *name);

#endif
