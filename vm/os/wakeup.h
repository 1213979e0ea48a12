/* SPDX-License-Identifier: MIT */
/* A descriptor that one thread of this process makes readable and another one waits for,
 * alone or among others. */
#ifndef OS_WAKEUP_H
#define OS_WAKEUP_H

#include "base/deadline.h"
#include "base/status.h"

/* The caller closes *fd (close-on-exec, never blocks). */
MUST_CHECK status wakeup_open(int *fd);
/* No thread may sleep on it or raise it any more. */
void wakeup_close(int fd);
/* Readable from now on, until it is cleared. */
void wakeup_ring(int fd);
/* Takes all that was raised; if nothing was, nothing happens. */
void wakeup_clear(int fd);

#endif
