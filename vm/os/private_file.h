/* SPDX-License-Identifier: MIT */
/* Files that hold secrets: nobody but their owner can read them. */
#ifndef OS_PRIVATE_FILE_H
#define OS_PRIVATE_FILE_H

#include <stddef.h>

#include "base/bytes.h"

/* Appends the contents of an ordinary file (or a link to one) of this user or root, with no rights
 * for others; of another one nothing is read. -EPERM: others have rights; -EINVAL: no ordinary
 * file. */
MUST_CHECK status private_file_read(const char *path, struct bytes *out);
/* Makes the folders above the file that are missing, with rights for their owner alone. */
MUST_CHECK status private_file_make_folders(const char *path);
/* Writes it whole or not at all, with the folders above that are missing (0700). -EEXIST: it was there, which
 * includes that another process was quicker. */
MUST_CHECK status private_file_create(const char *path, const char *text, size_t size);

#endif
