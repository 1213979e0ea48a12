/* SPDX-License-Identifier: MIT */
#include "shared/unfinished.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

void unfinished_init(struct unfinished *u) { memset(u, 0, sizeof *u); }

int64_t unfinished_open(const struct unfinished *u) {
  int64_t open = atomic_load(&u->settled);
  const uint32_t slots = atomic_load(&u->slots);
  CHECK(slots <= PROCESS_TABLE_MAX);
  for (uint32_t i = 0; i < slots; i++) open += atomic_load_explicit(&u->balance[i], memory_order_relaxed);
  return open;
}

/* Before a balance may differ from zero, unfinished_open must include it. */
static void use_slot(struct unfinished *u, uint32_t slot) {
  if (atomic_load(&u->slots) <= slot) atomic_store(&u->slots, slot + 1);
}

/* May be done twice. */
static void apply(struct unfinished *u) {
  const uint32_t slot = *(volatile uint32_t *)&u->journal_slot;
  CHECK(slot < PROCESS_TABLE_MAX);
  atomic_store(&u->balance[slot], u->journal_balance);
  KILL_POINT("unfinished.balance_applied");
  atomic_store(&u->settled, u->journal_settled);
  atomic_store(&u->abandoned, u->journal_abandoned);
  STORE_ORDER();
  KILL_POINT("unfinished.applied");
  atomic_store(&u->pending, UNFINISHED_SETTLED);
}

static void write_journal(struct unfinished *u, uint32_t slot, int64_t balance_change,
                          int64_t settled_change) {
  use_slot(u, slot);
  u->journal_slot = slot;
  u->journal_balance = atomic_load(&u->balance[slot]) + balance_change;
  u->journal_settled = atomic_load(&u->settled) + settled_change;
  u->journal_abandoned = atomic_load(&u->abandoned);
}

void unfinished_announce_take(struct unfinished *u, uint32_t slot) {
  write_journal(u, slot, 1, 0);
  STORE_ORDER();
  atomic_store(&u->pending, UNFINISHED_TAKES);
  STORE_ORDER();
}

void unfinished_enter_take(struct unfinished *u) { apply(u); }

bool unfinished_report(struct unfinished *u, uint32_t slot) {
  if (unfinished_open(u) <= 0) return false;
  use_slot(u, slot);
  KILL_POINT("unfinished.report");
  atomic_store(&u->balance[slot], atomic_load(&u->balance[slot]) - 1);
  KILL_POINT("unfinished.reported");
  return true;
}

static int64_t within(int64_t value, int64_t most) {
  if (value < 0 || most < 0) return 0;
  return value < most ? value : most;
}

/* Reports that others made in place of `slot` remain in the total without an owner. */
void unfinished_abandon(struct unfinished *u, uint32_t slot, int64_t count) {
  const int64_t abandoned = within(count, unfinished_open(u));
  write_journal(u, slot, -count, count - abandoned);
  u->journal_abandoned += (uint64_t)abandoned;
  STORE_ORDER();
  KILL_POINT("unfinished.abandon_journaled");
  atomic_store(&u->pending, UNFINISHED_ABANDONS);
  KILL_POINT("unfinished.abandon_committed");
  apply(u);
}

void unfinished_forget(struct unfinished *u, uint32_t slot) {
  const int64_t balance = atomic_load(&u->balance[slot]);
  if (balance) unfinished_abandon(u, slot, balance);
}

void unfinished_repair(struct unfinished *u, bool is_take_committed) {
  const uint32_t pending = atomic_load(&u->pending);
  if (pending == UNFINISHED_ABANDONS || (pending == UNFINISHED_TAKES && is_take_committed)) apply(u);
  atomic_store(&u->pending, UNFINISHED_SETTLED);
}

void unfinished_validate(const struct unfinished *u) {
  CHECK_EQ(atomic_load(&u->pending), UNFINISHED_SETTLED);
  CHECK(atomic_load(&u->slots) <= PROCESS_TABLE_MAX);
  CHECK(unfinished_open(u) >= 0);
  for (uint32_t i = atomic_load(&u->slots); i < PROCESS_TABLE_MAX; i++)
    CHECK_EQ(atomic_load(&u->balance[i]), 0);
}
