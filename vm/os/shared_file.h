/* SPDX-License-Identifier: MIT */
/* A block of shared memory with a name, as POSIX has it (shm_open): other programs can open it.
 *
 * It is read and written by system calls, not through a mapping: another program may truncate it at any time,
 * and a touch beyond its end would be SIGBUS. All of its pages exist from the start.
 */
#ifndef OS_SHARED_FILE_H
#define OS_SHARED_FILE_H

#include <stdint.h>

#include "base/status.h"

struct shared_file {
  int fd; /* -1: closed */
  uint64_t size;
  void *mapped; /* NULL until somebody asks for an address */
};

/* A new one of `size` zeroes; -EEXIST. */
MUST_CHECK status shared_file_create(struct shared_file *out, const char *name, uint64_t size);
/* One that there is; -ENOENT. */
MUST_CHECK status shared_file_open(struct shared_file *out, const char *name);
/* The name is free; blocks that are open stay. -ENOENT: there is none. */
MUST_CHECK status shared_file_unlink(const char *name);
/* [offset, offset + size) is within the file's size. -EIO: somebody has truncated it. */
MUST_CHECK status shared_file_read(const struct shared_file *f, uint64_t offset, void *to, uint64_t size);
/* All bytes, at `offset`, which may be beyond the end only as far as the size allows. On failure
 * some are written. */
MUST_CHECK status shared_file_write(const struct shared_file *f, uint64_t offset, const void *from,
                                    uint64_t size);
/* Its address in this process, until it is closed. */
MUST_CHECK status shared_file_map(struct shared_file *f);
/* Safe to call twice. */
void shared_file_close(struct shared_file *f);

#endif
