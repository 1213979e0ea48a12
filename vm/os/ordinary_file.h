/* SPDX-License-Identifier: MIT */
/* Files whose paths come from a stranger: reading one never waits and never goes on for ever. */
#ifndef OS_ORDINARY_FILE_H
#define OS_ORDINARY_FILE_H

#include "base/bytes.h"

/* Appends the contents of an ordinary file, or of a link to one. STATUS_TOO_LARGE: more than `most` bytes; -EINVAL: no
 * ordinary file. */
MUST_CHECK status ordinary_file_read(const char *path, size_t most, struct bytes *out);

#endif
