/* SPDX-License-Identifier: MIT */
/* A file of lines that grows at its end, of a bounded size, such as a history: several programs append to it at
 * once. Nobody but its owner can read it (0600), nor the folders that are made for it (0700).
 *
 * An append is made under a lock of the file (flock) by one write, so the lines of two programs stand one after the other,
 * and a program that is killed leaves whole appends of the others. A file that has become too long is replaced by
 * one with its last lines, under the lock; a program that waited for the lock of the old one opens the new one.
 */
#ifndef OS_LINE_FILE_H
#define OS_LINE_FILE_H

#include <stddef.h>

#include "base/status.h"

/* Appends lines, with the folders above the file that are missing; where it then has more than `most`
 * bytes, its last lines remain, in about half as many. -EINVAL: it is no ordinary file; STATUS_TIMEOUT: another program
 * has held the lock for a second. */
MUST_CHECK status line_file_append(const char *path, const char *text, size_t size, size_t most);

#endif
