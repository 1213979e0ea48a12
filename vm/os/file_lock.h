/* SPDX-License-Identifier: MIT */
/* Locks of files, between all programs of a machine: fcntl's locks of an open file description, on the whole
 * file. The system releases a lock when its process ends, however it ends.
 *
 * A forked child would keep the parent's lock after the parent's death, so a fork closes the child's
 * copies. Two locks of one file exclude each other, in one process as well.
 *
 * Any thread; one file_lock is for one caller at a time.
 */
#ifndef OS_FILE_LOCK_H
#define OS_FILE_LOCK_H

#include <stdint.h>

#include "base/status.h"

struct file_lock {
  int place;     /* in a table of this process; negative: closed */
  uint32_t fork; /* so many forks lie between the first process and the one that opened it */
};

/* Opens the file, which is made if it is missing, and takes no lock. STATUS_FULL: this process has too many;
 * -EACCES, -ENOENT, -EISDIR, … */
MUST_CHECK status file_lock_open(const char *path, struct file_lock *out);
/* STATUS_TIMEOUT: another one holds it. STATUS_CLOSED: it is closed, or was opened by a process of which
 * this one is a fork. -ENOLCK, … */
MUST_CHECK status file_lock_try(const struct file_lock *f);
/* Does nothing in a fork, and where it is not held. */
void file_lock_release(const struct file_lock *f);
/* Releases it, too. Safe to call twice. */
void file_lock_close(struct file_lock *f);

#endif
