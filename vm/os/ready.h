/* SPDX-License-Identifier: MIT */
/* Waiting for any of several descriptors to have something to read, or room to write, or to have hung up. */
#ifndef OS_READY_H
#define OS_READY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/deadline.h"
#include "base/status.h"

struct ready {
  struct pollfd entry;
};

/* Watches whether `fd` can be read without waiting, or is at its end. */
static inline struct ready ready_watch(int fd) { return (struct ready){{.fd = fd, .events = POLLIN}}; }
/* Watches whether `fd` can be written without waiting. */
static inline struct ready ready_watch_writable(int fd) {
  return (struct ready){{.fd = fd, .events = POLLOUT}};
}
/* After ready_wait: whether it came about, or the descriptor has an error. */
static inline bool ready_is(const struct ready *r) { return r->entry.revents != 0; }
/* The number names no open descriptor; it counts as ready. */
static inline bool ready_is_foreign(const struct ready *r) { return (r->entry.revents & POLLNVAL) != 0; }
/* STATUS_OK: some are ready; STATUS_TIMEOUT; STATUS_INTERRUPTED: a signal came first. */
MUST_CHECK status ready_wait(struct ready *watches, size_t count, deadline until);
/* Waits until one is ready or `is_over`, which handlers of the two signals change: they run during
 * the wait alone, so that none can strike between the question and the wait. */
void ready_wait_unless(struct ready *watch, const int signals[2], bool (*is_over)(void));

#endif
