/* SPDX-License-Identifier: MIT */
/* The end of a wait: a point on the monotonic clock, in nanoseconds, or never.
 *
 * The type is here because every layer passes it on. os/clock.h reads the clock.
 */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  int64_t ns; /* CLOCK_MONOTONIC; INT64_MAX: never; 0: now, do not wait */
} deadline;

static inline deadline deadline_never(void) { return (deadline){INT64_MAX}; }
static inline deadline deadline_now(void) { return (deadline){0}; }
/* Whether a wait with it has no end of its own. */
static inline bool deadline_is_never(deadline d) { return d.ns == INT64_MAX; }
/* Whether a caller with it does not wait at all. A deadline that passed is not one. */
static inline bool deadline_is_now(deadline d) { return d.ns == 0; }
static inline deadline deadline_earlier(deadline a, deadline b) { return a.ns < b.ns ? a : b; }

#endif
