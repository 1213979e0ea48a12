/* SPDX-License-Identifier: MIT */
/* The limit of file sizes (ulimit -f). A file that would grow beyond it raises SIGXFSZ, which ends a
 * host that did not ask for it: so what makes or writes a file asks here first. */
#ifndef OS_FILE_LIMIT_H
#define OS_FILE_LIMIT_H

#include <stdint.h>

#include "base/status.h"

/* Whether a file may have that size. -EFBIG: it may not. */
MUST_CHECK status file_limit_allows(uint64_t size);

#endif
