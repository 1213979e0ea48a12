/* SPDX-License-Identifier: MIT */
/* A status in words, as users see it. */
#ifndef OS_STATUS_TEXT_H
#define OS_STATUS_TEXT_H

#include "base/status.h"

enum { STATUS_TEXT_MAX = 128 };

/* "timeout", "closed", …, or "ENOMEM: Cannot allocate memory". Writes at most STATUS_TEXT_MAX
 * bytes to `text` and returns it. Any thread. */
const char *status_text(status st, char text[STATUS_TEXT_MAX]);

#endif
