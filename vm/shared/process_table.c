/* SPDX-License-Identifier: MIT */
#include "shared/process_table.h"

#include <errno.h>

#include "base/check.h"
#include "shared/kill_point.h"

static uint64_t state_word(uint32_t generation, enum process_table_state state) {
  return (uint64_t)generation << 16 | state;
}
static uint64_t reserved_word(uint32_t generation, uint32_t by) {
  return state_word(generation, PROCESS_TABLE_RESERVED) | (uint64_t)(by == PROCESS_TABLE_NO_SLOT ? 0 : by + 1)
                                                              << 2;
}
static enum process_table_state state_in(uint64_t word) { return (enum process_table_state)(word & 3); }
static uint32_t generation_in(uint64_t word) { return (uint32_t)(word >> 16); }

static void raise_high_water(struct process_table *t, uint32_t slot) {
  uint32_t seen = atomic_load(&t->high_water);
  while (seen <= slot)
    if (atomic_compare_exchange_weak(&t->high_water, &seen, slot + 1)) return;
}

/* The reserver's identity is stored after the reservation. Until then a sweeper finds pid 0, and
 * the sweeper of the reserver's own slot frees the reservation (process_table_release_unnamed). */
status process_table_reserve(struct process_table *t, const struct process_id *self, uint32_t by,
                             uint32_t *out) {
  for (uint32_t slot = 0; slot < PROCESS_TABLE_MAX; slot++) {
    struct process_table_slot *s = &t->slots[slot];
    uint64_t word = atomic_load(&s->state);
    if (state_in(word) != PROCESS_TABLE_FREE) continue;
    raise_high_water(t, slot);
    if (!atomic_compare_exchange_strong(&s->state, &word, reserved_word(generation_in(word), by))) continue;
    KILL_POINT("process_table.reserved");
    s->id = *self;
    *out = slot;
    return STATUS_OK;
  }
  return -EAGAIN;
}

void process_table_occupy(struct process_table *t, uint32_t slot, const struct process_id *self) {
  struct process_table_slot *s = &t->slots[slot];
  robust_mutex_init(&s->life);
  CHECK_EQ(robust_mutex_lock(&s->life), ROBUST_CLEAN);
  const uint32_t generation = generation_in(atomic_load(&s->state));
  /* Other processes read the identity meanwhile, to check whether the reserver is alive: with pid 0
   * and no reserver they leave the slot alone. */
  atomic_store(&s->state, reserved_word(generation, PROCESS_TABLE_NO_SLOT));
  struct process_id unnamed = *self;
  unnamed.pid = 0;
  s->id = unnamed;
  STORE_ORDER();
  KILL_POINT("process_table.occupying");
  s->id.pid = self->pid;
  STORE_ORDER();
  atomic_store(&s->state, state_word(generation, PROCESS_TABLE_LIVE));
}

uint32_t process_table_generation(const struct process_table *t, uint32_t slot) {
  return generation_in(atomic_load(&t->slots[slot].state));
}

/* For a reserved slot. Its identity may change during the check; then the state word has changed,
 * and the answer is false. */
static bool is_reserver_dead(const struct process_table_slot *s, uint64_t word) {
  const struct process_id id = s->id;
  if (id.pid == 0 || process_is_alive(&id)) return false;
  return atomic_load(&s->state) == word;
}

/* A host may load this library on a short-lived thread, which then abandons the lock while its
 * process lives. So a process is dead only when it no longer exists as well. */
bool process_table_is_dead(struct process_table *t, uint32_t slot) {
  struct process_table_slot *s = &t->slots[slot];
  const uint64_t word = atomic_load(&s->state);
  switch (state_in(word)) {
    case PROCESS_TABLE_LIVE: return robust_mutex_is_abandoned(&s->life) && !process_is_alive(&s->id);
    case PROCESS_TABLE_RESERVED: return is_reserver_dead(s, word);
    case PROCESS_TABLE_FREE: return false;
  }
  return false;
}

void process_table_release(struct process_table *t, uint32_t slot, uint32_t generation) {
  struct process_table_slot *s = &t->slots[slot];
  uint64_t word = atomic_load(&s->state);
  if (generation_in(word) != generation || state_in(word) == PROCESS_TABLE_FREE) return;
  s->id = (struct process_id){0};
  KILL_POINT("process_table.releasing");
  atomic_compare_exchange_strong(&s->state, &word, state_word(generation + 1, PROCESS_TABLE_FREE));
}

void process_table_release_unnamed(struct process_table *t, uint32_t by) {
  const uint32_t high = process_table_count(t);
  for (uint32_t slot = 0; slot < high; slot++) {
    const uint64_t word = atomic_load(&t->slots[slot].state);
    if (word == reserved_word(generation_in(word), by) && t->slots[slot].id.pid == 0)
      process_table_release(t, slot, generation_in(word));
  }
}

bool process_table_has(const struct process_table *t, int32_t pid) {
  const uint32_t high = atomic_load(&t->high_water);
  for (uint32_t slot = 0; slot < high; slot++) {
    const struct process_table_slot *s = &t->slots[slot];
    if (state_in(atomic_load(&s->state)) == PROCESS_TABLE_LIVE && s->id.pid == pid) return true;
  }
  return false;
}

bool process_table_is_free(const struct process_table *t, uint32_t slot) {
  return state_in(atomic_load(&t->slots[slot].state)) == PROCESS_TABLE_FREE;
}

void process_table_each_dead(struct process_table *t, void (*visit)(void *context, uint32_t slot),
                             void *context) {
  const uint32_t high = process_table_count(t);
  for (uint32_t slot = 0; slot < high; slot++)
    if (process_table_is_dead(t, slot)) visit(context, slot);
}

void process_table_validate(const struct process_table *t) {
  const uint32_t high = atomic_load(&t->high_water);
  CHECK(high <= PROCESS_TABLE_MAX);
  for (uint32_t slot = 0; slot < high; slot++) CHECK((atomic_load(&t->slots[slot].state) & 3) != 3);
  for (uint32_t slot = high; slot < PROCESS_TABLE_MAX; slot++)
    CHECK_EQ(atomic_load(&t->slots[slot].state), 0);
}
