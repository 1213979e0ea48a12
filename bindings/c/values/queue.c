/* SPDX-License-Identifier: MIT */
#include "c/values/queue.h"

#include <errno.h>

#include "base/memory.h"
#include "c/values/value.h"
#include "channel/message_refs.h"
#include "os/clock.h"

/* ---- making and freeing ---------------------------------------------------------------------- */

static status prepare(struct mm_queue **out) {
  struct mm_queue *q = memory_alloc(sizeof *q);
  if (!q) return -ENOMEM;
  const status st = segment_open();
  if (st) {
    memory_free(q);
    return st;
  }
  mutex_init(&q->lock);
  q->fd = -1;
  *out = q;
  return STATUS_OK;
}

static void discard(struct mm_queue *q) {
  mutex_fini(&q->lock);
  memory_free(q);
}

status queue_make(uint64_t max_messages, struct mm_queue **out) {
  struct mm_queue *q = NULL;
  status st = prepare(&q);
  if (st) return st;
  st = ring_make(&q->ring, (struct ring_bounds){.messages = max_messages}, RING_GROWS);
  if (st) {
    discard(q);
    return st;
  }
  atomic_store(&q->ring->object.purpose, PURPOSE_QUEUE);
  *out = q;
  return STATUS_OK;
}

status queue_open_reference(object_ref reference, struct mm_queue **out) {
  struct mm_queue *q = NULL;
  struct object *object = NULL;
  status st = prepare(&q);
  if (st) return st;
  st = segment_find(reference, OBJECT_RING, &object);
  if (st == STATUS_OK) st = segment_hold(object);
  if (st) {
    discard(q);
    return st;
  }
  q->ring = (struct ring *)(void *)object;
  *out = q;
  return STATUS_OK;
}

void queue_free(struct mm_queue *q) {
  if (q->fd >= 0) {
    if (atomic_load(&q->ring->notify_socket) == q->name) ring_set_notify_socket(q->ring, 0);
    notify_socket_close(q->fd);
  }
  segment_release(&q->ring->object);
  discard(q);
}

/* ---- messages -------------------------------------------------------------------------------- */

static status put_message(struct ring *ring, const struct bytes *message, const struct object_list *carried,
                          deadline until) {
  const struct ring_record record = {.head = message->data, .head_size = message->len};
  for (;;) {
    const status st =
        carried->count ? ring_put_carrying(ring, &record, carried, until) : ring_put(ring, &record, until);
    if (st == STATUS_FULL) return STATUS_TIMEOUT;
    if (st != STATUS_INTERRUPTED) return st;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
  }
}

status queue_put(struct mm_queue *q, const struct mm_val *values, deadline until) {
  struct bytes message, carried;
  bytes_init(&message);
  bytes_init(&carried);
  status st = value_to_message(values, &message);
  if (st) return st;
  st = message_refs_list(message.data, message.len, MESSAGE_ALL, &carried);
  const struct object_list list = message_refs_listed(&carried);
  if (st == STATUS_OK) st = put_message(q->ring, &message, &list, until);
  bytes_fini(&carried);
  value_discard_message(&message);
  return st;
}

static int descriptor_of(struct mm_queue *q, notify_name *name) {
  mutex_lock(&q->lock);
  const int fd = q->fd;
  *name = q->name;
  mutex_unlock(&q->lock);
  return fd;
}

/* The descriptor is readable exactly while a get would not wait: cleared before the look, notified
 * again after it. */
static void settle_descriptor(struct mm_queue *q) {
  notify_name name = 0;
  const int fd = descriptor_of(q, &name);
  if (fd < 0) return;
  notify_socket_clear(fd);
  if (ring_count(q->ring) || ring_is_closed(q->ring)) notify_socket_notify(name);
}

/* Makes a tree of a copy of the message's bytes, with holds of its own. */
static status read_message(const struct ring_message *m, struct tree **out) {
  struct bytes message;
  bytes_init(&message);
  status st = bytes_append(&message, m->data, m->size);
  if (st == STATUS_OK) st = message_refs_retain(message.data, message.len);
  if (st) {
    bytes_fini(&message);
    return st;
  }
  st = value_from_message(&message, out);
  if (st) value_discard_message(&message);
  return st;
}

static status take_message(struct ring *ring, struct bytes *scratch, struct ring_message *m, deadline until) {
  for (;;) {
    const status st = ring_take(ring, scratch, m, until);
    if (st == STATUS_EMPTY) return STATUS_TIMEOUT;
    if (st != STATUS_INTERRUPTED) return st;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
  }
}

status queue_get(struct mm_queue *q, struct tree **out, deadline until) {
  struct bytes scratch;
  struct ring_message m;
  bytes_init(&scratch);
  status st = take_message(q->ring, &scratch, &m, until);
  if (st == STATUS_OK) {
    st = read_message(&m, out);
    ring_message_done(&m);
  }
  bytes_fini(&scratch);
  settle_descriptor(q);
  return st;
}

status queue_descriptor(struct mm_queue *q, int *fd) {
  mutex_lock(&q->lock);
  const status st = q->fd >= 0 ? STATUS_OK : notify_socket_open(&q->fd, &q->name);
  if (st == STATUS_OK) {
    ring_set_notify_socket(q->ring, q->name);
    *fd = q->fd;
  }
  mutex_unlock(&q->lock);
  if (st == STATUS_OK) settle_descriptor(q);
  return st;
}
