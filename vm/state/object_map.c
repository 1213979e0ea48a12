/* SPDX-License-Identifier: MIT */
/* Linear probing; addresses are scattered by a multiplicative hash. */
#include "state/object_map.h"

#include <errno.h>
#include <stdbool.h>

#include "base/memory.h"

enum { CAPACITY_MIN = 128, CAPACITY_KEPT = 1 << 16 };

void object_map_fini(struct object_map *m) {
  memory_free(m->slots);
  object_map_init(m);
}

void object_map_clear(struct object_map *m) {
  if (m->capacity > CAPACITY_KEPT || m->generation == UINT32_MAX) object_map_fini(m);
  m->generation++;
  m->count = 0;
}

/* The slot of `object`, or the free slot for it. */
static struct object_slot *slot_find(const struct object_map *m, const void *object) {
  const uint64_t hash = (uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15);
  for (size_t i = (size_t)(hash >> 32);; i++) {
    struct object_slot *slot = &m->slots[i & (m->capacity - 1)];
    if (slot->generation != m->generation || slot->object == object) return slot;
  }
}

/* Beyond all offsets. */
static const uint64_t no_limit = UINT64_MAX;

/* Moves the objects at offsets below `limit` into a new table. */
static status rebuild(struct object_map *m, size_t capacity, uint64_t limit) {
  struct object_map to = {.capacity = capacity, .generation = 1};
  to.slots = memory_alloc(capacity * sizeof *to.slots);
  if (!to.slots) return -ENOMEM;
  for (size_t i = 0; i < m->capacity; i++) {
    const struct object_slot *from = &m->slots[i];
    if (from->generation != m->generation || from->offset >= limit) continue;
    struct object_slot *slot = slot_find(&to, from->object);
    *slot = (struct object_slot){from->object, from->offset, to.generation};
    to.count++;
  }
  memory_free(m->slots);
  *m = to;
  return STATUS_OK;
}

static bool is_full(const struct object_map *m) { return m->count * 2 >= m->capacity; }

status object_map_claim(struct object_map *m, const void *object, uint32_t offset, uint32_t since,
                        uint32_t *known) {
  if (is_full(m)) {
    const status st = rebuild(m, m->capacity ? m->capacity * 2 : CAPACITY_MIN, no_limit);
    if (st) return st;
  }
  struct object_slot *slot = slot_find(m, object);
  const bool is_in_use = slot->generation == m->generation;
  if (is_in_use && slot->offset >= since) {
    *known = slot->offset;
    return STATUS_OK;
  }
  *slot = (struct object_slot){object, offset, m->generation};
  m->count += !is_in_use;
  *known = 0;
  return STATUS_OK;
}

status object_map_cut(struct object_map *m, uint32_t offset) {
  return m->capacity ? rebuild(m, m->capacity, offset) : STATUS_OK;
}
