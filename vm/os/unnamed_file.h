/* SPDX-License-Identifier: MIT */
/* A file of shared memory that gets its name when it is whole, so that no process ever finds half of
 * it, and a maker that is killed before leaves nothing. */
#ifndef OS_UNNAMED_FILE_H
#define OS_UNNAMED_FILE_H

#include "base/status.h"

/* The descriptor (close-on-exec), or -errno. */
int unnamed_file_open(void);
/* `path`: as shm_open has it, with a slash in front. -EEXIST. */
MUST_CHECK status unnamed_file_link(int fd, const char *path);

#endif
