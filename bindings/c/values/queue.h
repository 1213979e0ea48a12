/* SPDX-License-Identifier: MIT */
/* mm_queue: a Queue of scripts as C sees it, a ring of the segment (shared/ring.h).
 *
 * A handle has a hold on its ring, as a buffer has on its array. Any thread may use it. Its
 * descriptor is a notify socket, which the ring notifies at each put: it is readable while a get
 * would not wait.
 */
#ifndef C_VALUES_QUEUE_H
#define C_VALUES_QUEUE_H

#include "os/mutex.h"
#include "shared/ring.h"
#include "wire/tree.h"

struct mm_queue {
  struct ring *ring;
  struct mutex lock;
  int fd;           /* under `lock`; -1: none yet */
  notify_name name; /* under `lock` */
};

/* max_messages 0: bounded by memory alone. -ENOMEM, -errno. */
MUST_CHECK status queue_make(uint64_t max_messages, struct mm_queue **out);
/* A handle of a queue that a message names. STATUS_FOREIGN, -ENOMEM. */
MUST_CHECK status queue_open_reference(object_ref reference, struct mm_queue **out);
/* Removes the handle; the queue stays for the others. */
void queue_free(struct mm_queue *q);
/* STATUS_CLOSED, STATUS_TIMEOUT, STATUS_TOO_LARGE, STATUS_MALFORMED (a value for Lua alone), -ENOMEM: the
 * queue is as before. */
MUST_CHECK status queue_put(struct mm_queue *q, const struct mm_val *values, deadline until);
/* STATUS_CLOSED: closed and drained. STATUS_TIMEOUT, -ENOMEM. */
MUST_CHECK status queue_get(struct mm_queue *q, struct tree **out, deadline until);
/* The descriptor, which the handle keeps. -errno. */
MUST_CHECK status queue_descriptor(struct mm_queue *q, int *fd);

#endif
