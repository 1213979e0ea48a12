/* SPDX-License-Identifier: MIT */
#include "pool/pool_sources.h"

#include "pool/protocol.h"

enum { SERIES_URGENT = 1, SERIES_LATER };

static status make_sorted(struct ring **out, uint32_t series) {
  const status st = ring_make(out, (struct ring_bounds){0}, RING_GROWS);
  if (st) return st;
  ring_sort(*out);
  ring_number_in_series(*out, series);
  atomic_store(&(*out)->object.purpose, PURPOSE_TASKS);
  return STATUS_OK;
}

status pool_sources_make(struct pool_sources *s) {
  status st = ring_make(&s->tasks, (struct ring_bounds){0}, RING_GROWS);
  if (st == STATUS_OK) atomic_store(&s->tasks->object.purpose, PURPOSE_TASKS);
  if (st == STATUS_OK) st = make_sorted(&s->urgent, SERIES_URGENT);
  return st ? st : make_sorted(&s->later, SERIES_LATER);
}

static void release_ring(struct ring **ring) {
  if (*ring) segment_release(&(*ring)->object);
  *ring = NULL;
}

void pool_sources_release(struct pool_sources *s) {
  release_ring(&s->urgent);
  release_ring(&s->tasks);
  release_ring(&s->later);
}

struct ring *pool_sources_ring(const struct pool_sources *s, int priority) {
  if (priority == PRIORITY_USUAL) return s->tasks;
  return priority > PRIORITY_USUAL ? s->urgent : s->later;
}

/* Has a worker that sleeps look. */
status pool_sources_wake(const struct pool_sources *s) {
  const struct task_envelope envelope = {.mode = TASK_SERVE};
  const struct ring_record record = {.head = &envelope, .head_size = sizeof envelope};
  if (ring_is_readable(s->tasks)) return STATUS_OK;
  const status st = ring_put(s->tasks, &record, deadline_never());
  return st == STATUS_CLOSED ? STATUS_OK : st;
}

/* The other workers learn of what is left. */
static status take_sorted(const struct pool_sources *s, struct ring *r, struct bytes *scratch,
                          struct ring_message *out, _Atomic uint64_t *claim, struct ring **from) {
  if (!ring_is_readable(r)) return STATUS_EMPTY;
  const status st = ring_take_claimed(r, scratch, out, claim);
  if (st) return st;
  *from = r;
  if (ring_is_readable(s->urgent) || ring_is_readable(s->later)) (void)!pool_sources_wake(s);
  return STATUS_OK;
}

status pool_sources_take(const struct pool_sources *s, struct bytes *scratch, struct ring_message *out,
                         _Atomic uint64_t *claim, struct ring **from) {
  status st = take_sorted(s, s->urgent, scratch, out, claim, from);
  if (st != STATUS_EMPTY) return st;
  const status usual = ring_take_claimed(s->tasks, scratch, out, claim);
  *from = s->tasks;
  if (usual != STATUS_EMPTY && usual != STATUS_CLOSED) return usual;
  st = take_sorted(s, s->later, scratch, out, claim, from);
  return st == STATUS_EMPTY ? usual : st;
}

static status hold_ring(object_ref ref, struct ring **out) {
  struct object *object = NULL;
  if (segment_find(ref, OBJECT_RING, &object) || segment_hold(object)) return STATUS_CLOSED;
  *out = (struct ring *)(void *)object;
  return STATUS_OK;
}

status pool_sources_hold(struct pool_sources *s, const struct start_info *info) {
  status st = hold_ring(info->urgent, &s->urgent);
  if (st == STATUS_OK) st = hold_ring(info->tasks, &s->tasks);
  return st ? st : hold_ring(info->later, &s->later);
}
