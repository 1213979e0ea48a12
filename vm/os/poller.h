/* SPDX-License-Identifier: MIT */
/* Waiting for many descriptors, each asked for once: what has been told is not told again until it
 * is asked for anew.
 *
 * Asking tells the kernel each time, so a number that was closed and given to another file since is
 * noticed and never trusted. One thread at a time; a forked child opens its own.
 */
#ifndef OS_POLLER_H
#define OS_POLLER_H

#include <stddef.h>

#include "base/deadline.h"
#include "base/status.h"

struct poller {
  int fd; /* -1: closed */
};

/* What is wanted of a descriptor, or has come: a set of these. An error or a hang-up counts as
 * all that was wanted. */
enum { POLLER_READ = 1, POLLER_WRITE = 2 };

struct poller_event {
  int fd;
  int what;
};

/* Closed on exec. On failure, -ENAME, *p is not open. */
MUST_CHECK status poller_open(struct poller *p);
/* What is watched is forgotten; its descriptors stay open. */
void poller_close(struct poller *p);
/* Tells once when one of `what` is there. -EPERM: an ordinary file, always ready; -EBADF: not open. */
MUST_CHECK status poller_want(struct poller *p, int fd, int what);
/* As poller_want, for what is wanted already. -ENOENT or -EBADF: it has been closed since. */
MUST_CHECK status poller_renew(struct poller *p, int fd, int what);
/* As poller_want, but tells again and again until it is forgotten. */
MUST_CHECK status poller_keep(struct poller *p, int fd, int what);
/* Tells nothing of it any more; what is not known is left alone. */
void poller_forget(struct poller *p, int fd);
/* Sleeps until there are events; at most `max` of them, *count in number. STATUS_TIMEOUT,
 * STATUS_INTERRUPTED. */
MUST_CHECK status poller_wait(struct poller *p, struct poller_event *events, size_t max, size_t *count,
                              deadline until);

#endif
