/* SPDX-License-Identifier: MIT */
/* How every function that can fail says so.
 *
 * A status is 0 for success, positive for an outcome that is ours (the list below), negative for an
 * error number of the operating system (-ENOMEM). A function that returns one leaves its output
 * parameters, and where its contract says so everything else, unchanged on failure.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/annotations.h"

typedef int status;

enum {
  STATUS_OK = 0,
  STATUS_TIMEOUT = 1,     /* the deadline passed first */
  STATUS_CLOSED = 2,      /* the thing was closed; nothing is left in it */
  STATUS_FULL = 3,        /* no room, and the caller would not wait */
  STATUS_EMPTY = 4,       /* nothing there, and the caller would not wait */
  STATUS_CANCELLED = 5,   /* stopped on request */
  STATUS_DIED = 6,        /* the process or VM that should have answered is gone */
  STATUS_INTERRUPTED = 7, /* this VM was asked to stop while it waited */
  STATUS_MALFORMED = 8,   /* bytes that are not a message of ours */
  STATUS_FOREIGN = 9,     /* a handle of another program, or one that no longer exists */
  STATUS_TOO_LARGE = 10,  /* more than the thing can ever hold */
  STATUS_BROKEN = 11,     /* a barrier that not everybody will reach */
};

#endif
