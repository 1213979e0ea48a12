/* SPDX-License-Identifier: MIT */
#include "trace/cursor.h"

#include "base/check.h"

/* Acquire: the events that a count includes are stored, and so is the chunk that `next` names.
 * Pairs with the releases in trace.c. */
static uint32_t count_of(const struct trace_chunk *c) {
  return atomic_load_explicit(&c->count, memory_order_acquire);
}

/* The number of events that there is room for, checked: they lie within the segment. */
static uint32_t capacity_of(const struct trace_chunk *c) {
  const uint32_t capacity = *(const volatile uint32_t *)&c->capacity;
  const uint64_t size = sizeof *c + (uint64_t)capacity * sizeof(struct trace_event);
  CHECK(arena_contains(segment_arena(), segment_ref(c), size));
  return capacity;
}

static const struct trace_chunk *next_of(struct trace_cursor *c) {
  const block_ref block = c->more ? c->more : atomic_load_explicit(&c->chunk->next, memory_order_acquire);
  c->more = 0;
  return block ? segment_at(block) : NULL;
}

static uint64_t count_all(struct trace_cursor c) {
  uint64_t count = 0;
  for (; c.chunk; c.chunk = next_of(&c)) count += count_of(c.chunk);
  return count;
}

struct trace_cursor trace_cursor_open(struct trace_lane *lane) {
  struct trace_cursor c = {.chunk = trace_lane_first(lane),
                           .more = atomic_load_explicit(&lane->chunks, memory_order_acquire)};
  c.left = count_all(c);
  return c;
}

bool trace_cursor_next(struct trace_cursor *c, struct trace_moment *out) {
  if (c->left == 0) return false;
  if (c->index >= capacity_of(c->chunk)) {
    c->chunk = next_of(c);
    c->index = 0;
    CHECK(c->chunk && capacity_of(c->chunk) > 0);
  }
  const struct trace_event *event = &c->chunk->events[c->index++];
  c->left--;
  *out = (struct trace_moment){(int64_t)(event->stamp >> TRACE_KIND_BITS),
                               (enum trace_kind)(event->stamp & ((1u << TRACE_KIND_BITS) - 1)), event->value};
  return true;
}
