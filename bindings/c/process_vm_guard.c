/* SPDX-License-Identifier: MIT */
/* The guard of an embedded VM in a sandbox (process/guard.h): it takes the program's requests from
 * their ring, and puts the replies of the sandboxed process into the other one. */
#include "c/process_vm.h"

#include <string.h>

#include "wire/message.h"
#include "worker/sandboxed_worker.h"

struct request_guard {
  struct guard *g;
  struct ring *requests;
  struct ring *replies;
  struct bytes inbox;
};

/* Lends the queues among the arguments, which are the end of a request. */
static status lend_arguments(struct guard *g, const struct ring_message *m) {
  struct reader r = reader_over(m->data, m->size);
  const char *text = NULL;
  const uint8_t *head = NULL;
  size_t size = 0;
  status st = read_bytes(&r, sizeof(struct process_vm_request), &head);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &text, &size);
  if (st == STATUS_OK) st = process_vm_take_text(&r, &text, &size);
  return st ? st : guard_lend(g, r.at, reader_left(&r));
}

static status take_request(struct request_guard *p, struct ring_message *m) {
  for (;;) {
    status st = ring_take(p->requests, &p->inbox, m, deadline_now());
    if (st != STATUS_EMPTY) return st;
    st = guard_wait_readable(p->g, p->requests);
    if (st) return st;
  }
}

/* The program requests no stop of an ended job once it has sent the next request. */
static status serve_next(struct request_guard *p) {
  struct frame task = {.kind = FRAME_TASK}, end = {.kind = FRAME_END};
  struct ring_message m;
  status st = take_request(p, &m);
  if (st == STATUS_CLOSED) return guard_send(p->g, &end, NULL, 0, NULL, 0);
  if (st) return st;
  atomic_store(&p->g->page->stop_requested, 0);
  st = lend_arguments(p->g, &m);
  if (st == STATUS_OK) st = guard_send(p->g, &task, m.data, m.size, NULL, 0);
  ring_message_done(&m);
  return st;
}

/* A reply has a message of results, or a text that ends with a zero byte. */
static bool is_right(const struct process_vm_reply *reply, uint8_t *rest, size_t size) {
  if (reply->state == 1 && size == 0) return true; /* of a collection */
  if (reply->state == 1) return message_mark_foreign(rest, size) == STATUS_OK;
  return size > 0 && rest[size - 1] == '\0';
}

static status serve_reply(struct request_guard *p) {
  struct process_vm_reply reply;
  struct bytes *payload = &p->g->payload;
  if (payload->len < sizeof reply) return STATUS_MALFORMED;
  memcpy(&reply, payload->data, sizeof reply);
  if (!is_right(&reply, payload->data + sizeof reply, payload->len - sizeof reply)) return STATUS_MALFORMED;
  const struct ring_record record = {.head = payload->data, .head_size = payload->len};
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED) st = ring_put(p->replies, &record, deadline_never());
  return st;
}

static status serve(struct request_guard *p) {
  const status st = guard_receive(p->g);
  if (st) return st;
  if (p->g->request.kind == FRAME_NEXT) return serve_next(p);
  return p->g->request.kind == FRAME_ANSWER ? serve_reply(p) : STATUS_MALFORMED;
}

void process_vm_guard(struct guard *g, struct ring *requests, struct ring *replies) {
  struct request_guard p = {.g = g, .requests = requests, .replies = replies};
  status st = STATUS_OK;
  bytes_init(&p.inbox);
  while (st == STATUS_OK) st = serve(&p);
  if (st != STATUS_CLOSED) guard_kill(g);
  bytes_fini(&p.inbox);
}
