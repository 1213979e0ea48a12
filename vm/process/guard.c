/* SPDX-License-Identifier: MIT */
#include "process/guard.h"

#include <errno.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/duplex.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/signals.h"
#include "wire/handles.h"
#include "wire/message.h"

static const double look_seconds = 0.25;

/* ---- starting -------------------------------------------------------------------------------- */

static struct guard *signalled; /* the guard of this process, for its handler; see vm/README.md */

/* A request to stop is passed on: the worker ends at its next Lua instruction. */
static void on_interrupt(int number) {
  (void)number;
  const struct guard *g = signalled;
  if (!g) return;
  atomic_store(&g->page->stop_requested, atomic_load(&g->worker_status->stop_requested));
  (void)!process_signal(g->pidfd, SIGNAL_INTERRUPT);
}

/* Its only use is to end a wait. */
static void on_child(int number) { (void)number; }

static void handle_signals(struct guard *g) {
  signalled = g;
  signals_handle(SIGPIPE, SIG_IGN, SIGPIPE);
  signals_handle(SIGCHLD, on_child, SIGNAL_INTERRUPT);
  signals_handle(SIGNAL_INTERRUPT, on_interrupt, SIGCHLD);
}

static status make_page(struct guard *g) {
  status st = mapping_make(&g->page_map, PAGE_SIZE_MAX);
  if (st == STATUS_OK) st = mapping_commit(&g->page_map, 0, PAGE_SIZE_MAX);
  if (st == STATUS_OK) g->page = (struct sandbox_page *)(void *)g->page_map.base;
  return st;
}

status guard_start(struct guard *g, struct worker_status *worker_status, uint64_t payload_max,
                   enum guard_side *side) {
  int ends[2];
  pid_t pid = 0;
  *g = (struct guard){.worker_status = worker_status, .payload_max = payload_max, .pidfd = -1};
  status st = make_page(g);
  if (st == STATUS_OK) st = duplex_make(ends);
  if (st == STATUS_OK) st = process_fork(&pid);
  if (st) return st;
  *side = pid ? GUARD_OUTSIDE : GUARD_INSIDE;
  g->channel = ends[pid ? 0 : 1];
  duplex_close(ends[pid ? 1 : 0]);
  if (pid == 0) return STATUS_OK;
  g->pid = (int32_t)pid;
  st = process_watch(&g->pidfd, pid);
  if (st) process_kill((int32_t)pid);
  if (st == STATUS_OK) handle_signals(g);
  return st;
}

/* ---- the queues that are lent ---------------------------------------------------------------- */

struct lent_queue {
  object_ref reference;
  struct ring *ring; /* held once for each stand-in */
  uint32_t stand_ins;
  uint32_t reserved;
};

static struct lent_queue *lent_queues(const struct guard *g, size_t *count) {
  *count = g->lent.len / sizeof(struct lent_queue);
  return (struct lent_queue *)(void *)g->lent.data;
}

static struct lent_queue *find_lent(const struct guard *g, object_ref reference) {
  size_t count = 0;
  struct lent_queue *lent = lent_queues(g, &count);
  for (size_t i = 0; i < count; i++)
    if (lent[i].reference == reference) return &lent[i];
  return NULL;
}

static bool is_queue(uint8_t type) {
  return type == HANDLE_QUEUE || type == HANDLE_SIMPLE_QUEUE || type == HANDLE_JOINABLE_QUEUE ||
         type == HANDLE_PRIORITY_QUEUE;
}

static status lend(struct guard *g, object_ref reference) {
  struct object *object = NULL;
  if (segment_find(reference, OBJECT_RING, &object)) return STATUS_OK; /* its stand-in finds it gone */
  status st = segment_hold(object);
  if (st) return st;
  struct lent_queue *lent = find_lent(g, reference);
  const struct lent_queue new = {
      .reference = reference, .ring = (struct ring *)(void *)object, .stand_ins = 1};
  if (lent)
    lent->stand_ins++;
  else
    st = bytes_append(&g->lent, &new, sizeof new);
  if (st) segment_release(object);
  return st;
}

status guard_lend(struct guard *g, const void *message, size_t size) {
  struct message m;
  status st = STATUS_OK;
  if (message_parse(message, size, &m)) return STATUS_OK;
  for (uint32_t i = 0; st == STATUS_OK && i < m.handle_count; i++) {
    const struct message_handle handle = message_handle_at(&m, i);
    if (is_queue(handle.type)) st = lend(g, handle.reference);
  }
  return st;
}

static void drop_lent(struct guard *g, struct lent_queue *lent) {
  size_t count = 0;
  struct lent_queue *all = lent_queues(g, &count);
  segment_release(&lent->ring->object);
  if (--lent->stand_ins) return;
  *lent = all[count - 1];
  g->lent.len -= sizeof *lent;
}

static void drop_all_lent(struct guard *g) {
  size_t count = 0;
  for (struct lent_queue *lent = lent_queues(g, &count); count; lent = lent_queues(g, &count))
    drop_lent(g, &lent[count - 1]);
  bytes_fini(&g->lent);
}

/* ---- calls of queues ------------------------------------------------------------------------- */

/* A worker that waits for an answer sends nothing: it has ended, or was stopped and gave up. */
static bool has_given_up(const struct guard *g) {
  struct ready channel = ready_watch(g->channel);
  return ready_wait(&channel, 1, deadline_now()) == STATUS_OK;
}

/* One sleep is short, so that the worker's end is noticed (I3). */
static deadline slice_of(deadline until) { return deadline_earlier(until, deadline_after(look_seconds)); }

/* Whether a wait that gave `st` goes on. */
static bool goes_on(const struct guard *g, status st, deadline until) {
  const bool may_go_on =
      st == STATUS_TIMEOUT || st == STATUS_INTERRUPTED || st == STATUS_EMPTY || st == STATUS_FULL;
  return may_go_on && !deadline_passed(until) && !has_given_up(g);
}

struct letter {
  struct ring_key key; /* of size 0: not for a sorted ring */
  struct ring_record record;
};

/* For a sorted ring the payload begins with a key, after its size. */
static status split_payload(const struct guard *g, const struct ring *ring, struct letter *out) {
  *out = (struct letter){.record = {.head = g->payload.data, .head_size = g->payload.len}};
  if (!ring_is_sorted(ring)) return STATUS_OK;
  uint32_t size = 0;
  if (g->payload.len < sizeof size) return STATUS_MALFORMED;
  memcpy(&size, g->payload.data, sizeof size);
  const size_t rest = g->payload.len - sizeof size;
  if (size == 0 || size > rest) return STATUS_MALFORMED;
  out->key = (struct ring_key){g->payload.data + sizeof size, size};
  out->record = (struct ring_record){.head = g->payload.data + sizeof size + size, .head_size = rest - size};
  return STATUS_OK;
}

static status put_letter(struct ring *ring, const struct letter *letter, deadline until) {
  static const struct object_list nothing = {0};
  return letter->key.size ? ring_put_sorted(ring, &letter->key, &letter->record, &nothing, until)
                          : ring_put(ring, &letter->record, until);
}

static status put(struct guard *g, struct ring *ring, deadline until) {
  struct letter letter;
  status st = split_payload(g, ring, &letter);
  if (st) return st;
  uint8_t *message = g->payload.data + (g->payload.len - letter.record.head_size);
  if (message_mark_foreign(message, letter.record.head_size)) return STATUS_MALFORMED;
  st = put_letter(ring, &letter, deadline_now());
  while (goes_on(g, st, until)) st = put_letter(ring, &letter, slice_of(until));
  return st;
}

static status answer(struct guard *g, status st, uint64_t number, const void *bytes, size_t size) {
  struct frame f = {.kind = FRAME_RESULT, .value = st, .numbers = {number}};
  return guard_send(g, &f, bytes, size, NULL, 0);
}

static status get(struct guard *g, struct ring *ring, deadline until) {
  struct ring_message m = {0};
  status st = ring_take(ring, &g->inbox, &m, deadline_now());
  while (goes_on(g, st, until)) st = ring_take(ring, &g->inbox, &m, slice_of(until));
  if (st) return answer(g, st, 0, NULL, 0);
  st = guard_lend(g, m.data, m.size);
  if (st == STATUS_OK) st = answer(g, STATUS_OK, 0, m.data, m.size);
  ring_message_done(&m);
  bytes_trim(&g->inbox, 64 * 1024);
  return st;
}

static status join(struct guard *g, struct ring *ring, deadline until) {
  uint64_t abandoned = 0;
  status st = ring_wait_done(ring, &abandoned, deadline_now());
  while (goes_on(g, st, until)) st = ring_wait_done(ring, &abandoned, slice_of(until));
  return answer(g, st, abandoned, NULL, 0);
}

/* A JoinableQueue alone counts what is unfinished. */
static bool is_joinable(const struct ring *ring) { return ring->unfinished != 0; }

static status call_queue(struct guard *g, struct lent_queue *lent) {
  struct ring *ring = lent->ring;
  const deadline until = {(int64_t)g->request.numbers[1]};
  switch (g->request.value) {
    case QUEUE_CALL_PUT: return answer(g, put(g, ring, until), 0, NULL, 0);
    case QUEUE_CALL_GET: return get(g, ring, until);
    case QUEUE_CALL_SIZE: return answer(g, STATUS_OK, ring_count(ring), NULL, 0);
    case QUEUE_CALL_IS_FULL: return answer(g, STATUS_OK, ring_is_full(ring), NULL, 0);
    case QUEUE_CALL_BOUND: return answer(g, STATUS_OK, ring->max_messages, NULL, 0);
    case QUEUE_CALL_CLOSE: ring_close(ring); return answer(g, STATUS_OK, 0, NULL, 0);
    case QUEUE_CALL_TASK_DONE:
      return answer(g, STATUS_OK, is_joinable(ring) && ring_report_done(ring), NULL, 0);
    case QUEUE_CALL_JOIN: return is_joinable(ring) ? join(g, ring, until) : STATUS_MALFORMED;
    case QUEUE_CALL_DROP: drop_lent(g, lent); return STATUS_OK;
    default: return STATUS_MALFORMED;
  }
}

static status serve_queue(struct guard *g) {
  struct lent_queue *lent = find_lent(g, g->request.numbers[0]);
  if (lent) return call_queue(g, lent);
  return g->request.value == QUEUE_CALL_DROP ? STATUS_OK : answer(g, STATUS_FOREIGN, 0, NULL, 0);
}

/* ---- frames ---------------------------------------------------------------------------------- */

void guard_kill(const struct guard *g) { process_signal(g->pidfd, SIGKILL); }

/* Its frames cannot be told apart any more. */
static status give_up(const struct guard *g) {
  guard_kill(g);
  return STATUS_CLOSED;
}

status guard_send(struct guard *g, struct frame *f, const void *head, size_t head_size, const void *body,
                  size_t body_size) {
  const status st = frame_send(g->channel, f, head, head_size, body, body_size);
  return st == STATUS_OK || st == STATUS_CLOSED ? st : give_up(g);
}

status guard_receive(struct guard *g) {
  for (;;) {
    bytes_trim(&g->payload, 64 * 1024);
    status st = frame_receive(g->channel, &g->request, &g->payload, g->payload_max);
    if (st == STATUS_INTERRUPTED) continue;
    if (st == STATUS_OK && g->request.kind != FRAME_QUEUE) return STATUS_OK;
    if (st == STATUS_OK) st = serve_queue(g);
    if (st == STATUS_CLOSED) return STATUS_CLOSED;
    if (st) return give_up(g);
  }
}

status guard_wait_readable(struct guard *g, struct ring *ring) {
  const status st = ring_wait_readable(ring, NULL, deadline_after(look_seconds));
  if (has_given_up(g)) return STATUS_CLOSED;
  return st == STATUS_TIMEOUT || st == STATUS_INTERRUPTED ? STATUS_OK : st;
}

int guard_end(struct guard *g) {
  int exit_code = -SIGKILL;
  duplex_close(g->channel);
  if (process_reap(g->pid, &exit_code)) exit_code = -SIGKILL;
  signalled = NULL;
  process_unwatch(g->pidfd);
  drop_all_lent(g);
  bytes_fini(&g->payload);
  bytes_fini(&g->inbox);
  return exit_code;
}
