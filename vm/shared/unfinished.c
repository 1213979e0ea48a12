/* SPDX-License-Identifier: MIT */
#include "shared/unfinished.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

void unfinished_init(struct unfinished *a) { memset(a, 0, sizeof *a); }

int64_t unfinished_open(const struct unfinished *a) {
  int64_t open = atomic_load(&a->settled);
  const uint32_t slots = atomic_load(&a->slots);
  for (uint32_t i = 0; i < slots; i++) open += atomic_load_explicit(&a->balance[i], memory_order_relaxed);
  return open;
}

/* The balance counts from the first moment it may differ from zero. */
static void use_slot(struct unfinished *a, uint32_t slot) {
  if (atomic_load(&a->slots) <= slot) atomic_store(&a->slots, slot + 1);
}

/* May be done twice. */
static void apply(struct unfinished *a) {
  atomic_store(&a->balance[a->journal_slot], a->journal_balance);
  KILL_POINT("unfinished.balance_applied");
  atomic_store(&a->settled, a->journal_settled);
  atomic_store(&a->abandoned, a->journal_abandoned);
  STORE_ORDER();
  KILL_POINT("unfinished.applied");
  atomic_store(&a->pending, UNFINISHED_SETTLED);
}

static void write_journal(struct unfinished *a, uint32_t slot, int64_t balance_change,
                          int64_t settled_change) {
  use_slot(a, slot);
  a->journal_slot = slot;
  a->journal_balance = atomic_load(&a->balance[slot]) + balance_change;
  a->journal_settled = atomic_load(&a->settled) + settled_change;
  a->journal_abandoned = atomic_load(&a->abandoned);
}

void unfinished_announce_take(struct unfinished *a, uint32_t slot) {
  write_journal(a, slot, 1, 0);
  STORE_ORDER();
  atomic_store(&a->pending, UNFINISHED_TAKES);
  STORE_ORDER();
}

void unfinished_enter_take(struct unfinished *a) { apply(a); }

bool unfinished_report(struct unfinished *a, uint32_t slot) {
  if (unfinished_open(a) <= 0) return false;
  use_slot(a, slot);
  KILL_POINT("unfinished.report");
  atomic_store(&a->balance[slot], atomic_load(&a->balance[slot]) - 1);
  KILL_POINT("unfinished.reported");
  return true;
}

static int64_t within(int64_t value, int64_t most) {
  if (value < 0 || most < 0) return 0;
  return value < most ? value : most;
}

/* What others reported in place of `slot` remains in the total without an owner. */
void unfinished_forgive(struct unfinished *a, uint32_t slot, int64_t count) {
  const int64_t abandoned = within(count, unfinished_open(a));
  write_journal(a, slot, -count, count - abandoned);
  a->journal_abandoned += (uint64_t)abandoned;
  STORE_ORDER();
  KILL_POINT("unfinished.forgive_journaled");
  atomic_store(&a->pending, UNFINISHED_FORGIVES);
  KILL_POINT("unfinished.forgive_committed");
  apply(a);
}

void unfinished_forget(struct unfinished *a, uint32_t slot) {
  const int64_t balance = atomic_load(&a->balance[slot]);
  if (balance) unfinished_forgive(a, slot, balance);
}

void unfinished_repair(struct unfinished *a, bool is_take_committed) {
  const uint32_t pending = atomic_load(&a->pending);
  if (pending == UNFINISHED_FORGIVES || (pending == UNFINISHED_TAKES && is_take_committed)) apply(a);
  atomic_store(&a->pending, UNFINISHED_SETTLED);
}

void unfinished_validate(const struct unfinished *a) {
  CHECK_EQ(atomic_load(&a->pending), UNFINISHED_SETTLED);
  CHECK(atomic_load(&a->slots) <= PROCESS_TABLE_MAX);
  CHECK(unfinished_open(a) >= 0);
  for (uint32_t i = atomic_load(&a->slots); i < PROCESS_TABLE_MAX; i++)
    CHECK_EQ(atomic_load(&a->balance[i]), 0);
}
