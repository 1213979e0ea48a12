/* SPDX-License-Identifier: MIT */
/* The result of every function that can fail.
 *
 * A status is 0 for success, positive for an outcome of ours (the list below), negative for an
 * error number of the operating system (-ENOMEM). On failure a function leaves its output
 * parameters unchanged, and everything else that its contract names.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/annotations.h"

typedef int status;

enum {
  STATUS_OK = 0,
  STATUS_TIMEOUT = 1,     /* the deadline passed first */
  STATUS_CLOSED = 2,      /* closed, and nothing is left in it */
  STATUS_FULL = 3,        /* no room, and the caller does not wait */
  STATUS_EMPTY = 4,       /* nothing there, and the caller does not wait */
  STATUS_CANCELLED = 5,   /* stopped on request */
  STATUS_DIED = 6,        /* the process or VM that should have answered is gone */
  STATUS_INTERRUPTED = 7, /* this VM was asked to stop while it waited */
  STATUS_MALFORMED = 8,   /* bytes that are not a message of ours */
  STATUS_FOREIGN = 9,     /* a handle of another program, or one that no longer exists */
  STATUS_TOO_LARGE = 10,  /* more than it can ever hold */
  STATUS_BROKEN = 11,     /* a barrier that a party will not reach */
  STATUS_DEADLOCK = 12,   /* nothing can end the wait */
};

#endif
