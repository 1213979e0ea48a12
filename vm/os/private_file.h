/* SPDX-License-Identifier: MIT */
/* Files that hold secrets: nobody but their owner can read them. */
#ifndef OS_PRIVATE_FILE_H
#define OS_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* An ordinary file (or a link to one) of this user or root, with no rights for others. */
bool private_file_is(const char *path);
/* Writes it whole or not at all, with the folders above that are missing (0700). -EEXIST: it was there, which
 * includes that another process was quicker. */
MUST_CHECK status private_file_create(const char *path, const char *text, size_t size);

#endif
