/* SPDX-License-Identifier: MIT */
/* The worker's answers are checked as far as they can be without reading their values; the pool
 * checks the rest (pool/foreign.lua). */
#include "pool/pool_guard.h"

#include "os/clock.h"
#include "pool/pool_rings.h"
#include "pool/pool_sources.h"
#include "shared/attachments.h"
#include "wire/message.h"

/* Until the guard knows better, all items of a list count as begun: a guard that is killed takes
 * what it does not know along, and no item runs twice. */
enum { ITEMS_MAX = (1 << WORKER_STATUS_ITEM_BITS) - 1 };

struct pool_guard {
  struct guard *g;
  struct pool_sources sources;
  struct ring *results;
  struct worker_status *status; /* the guard's, for the program */
  struct bytes inbox;
  struct ring_message message; /* of the current task */
  struct task_envelope task;
  bool has_task;
  bool is_ready;   /* the worker has asked for its first task */
  uint64_t next;   /* the first item that was not answered yet */
  int64_t sent_ns; /* when the worker got the task */
};

static void add_to(_Atomic uint64_t *count, uint64_t more) {
  atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + more,
                        memory_order_relaxed);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void end_task(struct pool_guard *p) {
  if (p->has_task) ring_message_done(&p->message);
  p->has_task = false;
  atomic_store_explicit(&p->status->begun_ns, 0, memory_order_relaxed);
  atomic_store_explicit(&p->status->item, 0, memory_order_relaxed);
  atomic_store(&p->status->claim, 0);
}

static status put_answer(struct pool_guard *p, const struct answer_envelope *envelope, const void *text,
                         size_t size) {
  const struct ring_record record = {
      .head = envelope, .head_size = sizeof *envelope, .body = text, .body_size = size};
  status st = STATUS_INTERRUPTED;
  add_to(&p->status->bytes_out, sizeof *envelope + size);
  while (st == STATUS_INTERRUPTED) st = ring_put(p->results, &record, deadline_never());
  return st;
}

/* The first change of the call state decides: to BEGUN here, or to CANCELLED by the parent. */
static bool may_begin(const struct task_envelope *task) {
  uint32_t queued = CALL_QUEUED;
  return !task->call_state ||
         atomic_compare_exchange_strong((call_state *)segment_at(task->call_state), &queued, CALL_BEGUN);
}

static status skip_task(struct pool_guard *p) {
  const struct answer_envelope envelope = {.outcome = OUTCOME_SKIPPED, .task = p->task.task};
  const status st = put_answer(p, &envelope, NULL, 0);
  end_task(p);
  return st;
}

static status take_task(struct pool_guard *p) {
  for (;;) {
    if (atomic_load(&p->status->stop_requested) || atomic_load(&p->status->leave_requested))
      return STATUS_CLOSED;
    struct ring *from = NULL;
    status st = pool_sources_take(&p->sources, &p->inbox, &p->message, &p->status->claim, &from);
    if (st == STATUS_EMPTY) st = guard_wait_readable(p->g, p->sources.tasks);
    if (st) return st;
    if (!atomic_load(&p->status->claim)) continue;
    p->has_task = true;
    memcpy(&p->task, p->message.data, sizeof p->task);
    if (p->task.mode == TASK_SERVE) {
      end_task(p);
      continue;
    }
    if (may_begin(&p->task)) return STATUS_OK;
    st = skip_task(p);
    if (st) return st;
  }
}

static bool asks_before_items(const struct task_envelope *task) {
  return task->mode != TASK_CALL && (task->flags & (TASK_TIMED | TASK_EACH)) != 0;
}

/* What counts as running from the moment at which the worker gets the task. */
static uint32_t first_item(const struct task_envelope *task) {
  if (asks_before_items(task)) return 0;
  return task->mode == TASK_CALL ? 1 : ITEMS_MAX;
}

/* The worker gets a copy of the envelope that names no place of the program but those of values. */
static status send_task(struct pool_guard *p) {
  const uint8_t *text = p->message.data + sizeof p->task;
  const size_t size = p->message.size - sizeof p->task;
  struct task_envelope envelope = p->task;
  struct frame f = {.kind = FRAME_TASK, .numbers = {p->message.number}};
  envelope.call_state = 0;
  status st = guard_lend(p->g, text, size);
  add_to(&p->status->bytes_in, p->message.size);
  p->next = (uint64_t)p->task.skip + 1;
  p->sent_ns = clock_now_ns();
  atomic_store_explicit(&p->status->begun_ns, p->sent_ns, memory_order_relaxed);
  atomic_store(&p->status->item, first_item(&p->task));
  atomic_store(&p->g->page->item, 0);
  if (st == STATUS_OK) st = guard_send(p->g, &f, &envelope, sizeof envelope, text, size);
  ring_message_unload(&p->message); /* the guard holds the queues that it lends */
  return st;
}

static status serve_next(struct pool_guard *p) {
  struct frame end = {.kind = FRAME_END};
  if (p->has_task) return STATUS_MALFORMED;
  if (!p->is_ready) atomic_store(&p->status->ready_ns, clock_now_ns());
  p->is_ready = true;
  const status st = take_task(p);
  if (st == STATUS_CLOSED) return guard_send(p->g, &end, NULL, 0, NULL, 0);
  return st ? st : send_task(p);
}

static status serve_stored(struct pool_guard *p) {
  const block_ref place = p->g->request.numbers[0];
  struct frame f = {.kind = FRAME_BYTES};
  uint64_t size = 0;
  if (!p->has_task || !place || (place != p->task.function_code && place != p->task.arguments))
    return STATUS_MALFORMED;
  const uint8_t *text = attachments_text(place);
  memcpy(&size, text, sizeof size);
  add_to(&p->status->bytes_in, size);
  const status st = guard_lend(p->g, text + sizeof size, size);
  return st ? st : guard_send(p->g, &f, NULL, 0, text + sizeof size, size);
}

static status serve_begin(struct pool_guard *p) {
  struct frame f = {.kind = FRAME_GO};
  const uint32_t item = (uint32_t)p->g->request.value & ITEMS_MAX;
  if (!p->has_task) return STATUS_MALFORMED;
  atomic_store(&p->status->begun_ns, clock_now_ns());
  atomic_store(&p->status->item, item);
  f.value = !atomic_load(&p->status->stop_requested) &&
            !worker_status_is_beyond_limit(p->status, p->message.number, item);
  return guard_send(p->g, &f, NULL, 0, NULL, 0);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool is_list_answer(const struct pool_guard *p, const struct answer_envelope *e) {
  const bool is_known =
      e->outcome == OUTCOME_OK || e->outcome == OUTCOME_PART || e->outcome == OUTCOME_RETURNED;
  return is_known && e->first == p->next;
}

/* Whether the worker may give this answer now. */
static bool is_due(const struct pool_guard *p, const struct answer_envelope *e) {
  if (!p->has_task)
    return !p->is_ready && (e->outcome == OUTCOME_OK || e->outcome == OUTCOME_INITIALIZER_FAILED);
  if (e->outcome == OUTCOME_FAILED) return true;
  return p->task.mode == TASK_CALL ? e->outcome == OUTCOME_OK : is_list_answer(p, e);
}

static void count_answer(struct pool_guard *p, struct answer_envelope *e) {
  const uint64_t taken = (uint64_t)(clock_now_ns() - p->sent_ns);
  if (e->ns > taken) e->ns = taken;
  if (!p->has_task) return;
  const bool is_call = p->task.mode == TASK_CALL;
  p->next += e->count;
  add_to(&p->status->items, is_call ? 1 : e->count);
  add_to(&p->status->busy_ns, is_call ? taken : e->ns);
}

static status serve_answer(struct pool_guard *p) {
  struct answer_envelope e;
  struct bytes *payload = &p->g->payload;
  if (payload->len < sizeof e) return STATUS_MALFORMED;
  memcpy(&e, payload->data, sizeof e);
  e.task = p->has_task ? p->task.task : 0;
  if (!is_due(p, &e) || message_mark_foreign(payload->data + sizeof e, payload->len - sizeof e))
    return STATUS_MALFORMED;
  count_answer(p, &e);
  const status st = put_answer(p, &e, payload->data + sizeof e, payload->len - sizeof e);
  if (p->has_task && e.outcome != OUTCOME_PART) end_task(p);
  return st;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static status serve(struct pool_guard *p) {
  switch (p->g->request.kind) {
    case FRAME_NEXT: return serve_next(p);
    case FRAME_STORED: return serve_stored(p);
    case FRAME_BEGIN: return serve_begin(p);
    case FRAME_ANSWER: return serve_answer(p);
    default: return STATUS_MALFORMED;
  }
}

static struct ring *ring_of(object_ref ref) {
  struct object *object = NULL;
  if (segment_find(ref, OBJECT_RING, &object) || segment_hold(object)) return NULL;
  return (struct ring *)(void *)object;
}

/* The status of a task whose worker ended stays as it is: it names what ran. Of a list whose items
 * ask before they begin, it is exact already. */
static void note_item(struct pool_guard *p) {
  if (!p->has_task || asks_before_items(&p->task)) return;
  atomic_store(&p->status->item, atomic_load(&p->g->page->item) & ITEMS_MAX);
}

void pool_guard_serve(struct guard *g, const struct start_info *start_info) {
  struct pool_guard p = {.g = g, .status = g->worker_status, .results = ring_of(start_info->results)};
  if (pool_sources_hold(&p.sources, start_info) || !p.results) return;
  bytes_init(&p.inbox);
  status st = STATUS_OK;
  while (st == STATUS_OK) {
    st = guard_receive(g);
    if (st == STATUS_OK) st = serve(&p);
  }
  if (st != STATUS_CLOSED) guard_kill(g);
  note_item(&p);
  if (p.has_task) ring_message_done(&p.message);
  bytes_fini(&p.inbox);
  pool_sources_release(&p.sources);
  segment_release(&p.results->object);
}
