/* SPDX-License-Identifier: MIT */
/* Anonymous memory that several processes map, and the descriptor that stands for it.
 *
 * The memory has no name in the file system: it is gone with the last process that maps it or holds
 * its descriptor. It is sparse: address space is cheap, pages exist once they are committed. Touching a
 * page that was not committed may be answered with SIGBUS when memory is short, so nobody does.
 */
#ifndef OS_MAPPING_H
#define OS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct mapping {
  uint8_t *base;
  size_t size;
  int fd; /* close-on-exec */
};

enum { PAGE_SIZE_MAX = 65536 };

/* `size` bytes of sparse shared memory. The caller owns the mapping. */
MUST_CHECK status mapping_make(struct mapping *out, size_t size);
/* Maps what an inherited descriptor stands for, whole; takes over the descriptor. STATUS_FOREIGN: its
 * size is not sealed, so it is no memory of this kind. */
MUST_CHECK status mapping_adopt(struct mapping *out, int fd);
/* Copies bytes of the memory behind a descriptor, which another program may change or cut short
 * meanwhile. STATUS_FOREIGN: they are not all there. */
MUST_CHECK status mapping_read(int fd, uint64_t offset, void *out, size_t size);
/* Writes bytes there. -EACCES: the descriptor's memory may not be written; STATUS_FOREIGN: it is no memory of
 * this kind. */
MUST_CHECK status mapping_write(int fd, uint64_t offset, const void *bytes, size_t size);
/* The size of the memory behind a descriptor, and how many bytes of it exist. STATUS_FOREIGN: it is
 * no memory of this kind. */
MUST_CHECK status mapping_sizes(int fd, uint64_t *size, uint64_t *used);
/* Passes to `look`, one after the other, descriptors of the memories of this kind that another
 * process has, opened for reading, until it returns STATUS_OK; *fd is that one, which the caller
 * gives to mapping_drop. -ESRCH: there is no such process; STATUS_EMPTY: it has none; or what
 * `look` returned last. */
MUST_CHECK status mapping_find(int64_t pid, status (*look)(int fd), int *fd);
/* Whether a process has a descriptor of the memory behind this one. */
bool mapping_is_of(int fd, int64_t pid);
/* Closes a descriptor that mapping_find gave. Mappings of it stay. */
void mapping_drop(int fd);
/* In a forked child: closes its copy of the descriptor, and makes the memory private, at the same
 * address. What is written there from now on changes nothing for the other processes; where the system
 * refuses a private copy of that size, a write ends this process. */
void mapping_detach(struct mapping *m);
/* Unmaps and closes. */
void mapping_destroy(struct mapping *m);
/* Pages [offset, offset + size) exist afterwards, zeroed where they are new; -ENOMEM or -ENOSPC
 * when there are none. */
MUST_CHECK status mapping_commit(const struct mapping *m, size_t offset, size_t size);
/* How many bytes of it exist, committed by any process. */
size_t mapping_used(const struct mapping *m);
/* Gives the pages back to the system; they read as zero once committed again. */
void mapping_decommit(const struct mapping *m, size_t offset, size_t size);

#endif
