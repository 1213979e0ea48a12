/* SPDX-License-Identifier: MIT */
/* manymoons.h: queues between the program and its scripts. */
#include "c/values/queue.h"

#include "c/api/api.h"

int mm_queue_create(mm_rt *rt, mm_queue **out, size_t max_messages) {
  if (!rt || !out) return api_refuse_null("mm_queue_create", rt ? "out" : "rt");
  return api_status("mm_queue_create", queue_make(max_messages, out));
}

int mm_queue_put(mm_queue *queue, const mm_val *values, int timeout_ms) {
  if (!queue || !values) return api_refuse_null("mm_queue_put", queue ? "values" : "queue");
  const status st = queue_put(queue, values, api_deadline(timeout_ms));
  if (st == STATUS_MALFORMED)
    return api_refuse(MM_EINVAL, "mm_queue_put: a value for Lua alone can be put with its whole list only");
  if (st == STATUS_TOO_LARGE)
    return api_refuse(MM_EINVAL, "mm_queue_put: the value is too large for any queue");
  return api_status("mm_queue_put", st);
}

int mm_queue_get(mm_queue *queue, mm_val **out, int timeout_ms) {
  if (!queue || !out) return api_refuse_null("mm_queue_get", queue ? "out" : "queue");
  struct tree *t = NULL;
  const status st = queue_get(queue, &t, api_deadline(timeout_ms));
  if (st == STATUS_OK) *out = &t->root;
  return api_status("mm_queue_get", st);
}

size_t mm_queue_size(mm_queue *queue) { return queue ? (size_t)ring_count(queue->ring) : 0; }

int mm_queue_fd(mm_queue *queue) {
  int fd = -1;
  if (!queue) return api_refuse_null("mm_queue_fd", "queue");
  const int err = api_status("mm_queue_fd", queue_descriptor(queue, &fd));
  return err ? err : fd;
}

void mm_queue_close(mm_queue *queue) {
  if (queue) ring_close(queue->ring);
}

void mm_queue_free(mm_queue *queue) {
  if (queue) queue_free(queue);
}
