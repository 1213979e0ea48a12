/* SPDX-License-Identifier: MIT */
#include "shared/unfinished.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"

void account_init(struct account *a) { memset(a, 0, sizeof *a); }

int64_t account_open(const struct account *a) {
  int64_t open = atomic_load(&a->settled);
  const uint32_t slots = atomic_load(&a->slots);
  for (uint32_t i = 0; i < slots; i++) open += atomic_load_explicit(&a->balance[i], memory_order_relaxed);
  return open;
}

/* The balance counts from the first moment it may differ from zero. */
static void use_slot(struct account *a, uint32_t slot) {
  if (atomic_load(&a->slots) <= slot) atomic_store(&a->slots, slot + 1);
}

/* May be done twice. */
static void apply(struct account *a) {
  atomic_store(&a->balance[a->journal_slot], a->journal_balance);
  KILL_POINT("account.balance_applied");
  atomic_store(&a->settled, a->journal_settled);
  atomic_store(&a->abandoned, a->journal_abandoned);
  STORE_ORDER();
  KILL_POINT("account.applied");
  atomic_store(&a->pending, ACCOUNT_SETTLED);
}

static void write_journal(struct account *a, uint32_t slot, int64_t balance_change, int64_t settled_change) {
  use_slot(a, slot);
  a->journal_slot = slot;
  a->journal_balance = atomic_load(&a->balance[slot]) + balance_change;
  a->journal_settled = atomic_load(&a->settled) + settled_change;
  a->journal_abandoned = atomic_load(&a->abandoned);
}

void account_announce_take(struct account *a, uint32_t slot) {
  write_journal(a, slot, 1, 0);
  STORE_ORDER();
  atomic_store(&a->pending, ACCOUNT_TAKES);
  STORE_ORDER();
}

void account_enter_take(struct account *a) { apply(a); }

bool account_report(struct account *a, uint32_t slot) {
  if (account_open(a) <= 0) return false;
  use_slot(a, slot);
  KILL_POINT("account.report");
  atomic_store(&a->balance[slot], atomic_load(&a->balance[slot]) - 1);
  KILL_POINT("account.reported");
  return true;
}

static int64_t within(int64_t value, int64_t most) {
  if (value < 0 || most < 0) return 0;
  return value < most ? value : most;
}

/* What others reported in place of `slot` remains in the total without an owner. */
void account_forgive(struct account *a, uint32_t slot, int64_t count) {
  const int64_t abandoned = within(count, account_open(a));
  write_journal(a, slot, -count, count - abandoned);
  a->journal_abandoned += (uint64_t)abandoned;
  STORE_ORDER();
  KILL_POINT("account.forgive_journaled");
  atomic_store(&a->pending, ACCOUNT_FORGIVES);
  KILL_POINT("account.forgive_committed");
  apply(a);
}

void account_forget(struct account *a, uint32_t slot) {
  const int64_t balance = atomic_load(&a->balance[slot]);
  if (balance) account_forgive(a, slot, balance);
}

void account_repair(struct account *a, bool is_take_committed) {
  const uint32_t pending = atomic_load(&a->pending);
  if (pending == ACCOUNT_FORGIVES || (pending == ACCOUNT_TAKES && is_take_committed)) apply(a);
  atomic_store(&a->pending, ACCOUNT_SETTLED);
}

void account_validate(const struct account *a) {
  CHECK_EQ(atomic_load(&a->pending), ACCOUNT_SETTLED);
  CHECK(atomic_load(&a->slots) <= PROCESS_TABLE_MAX);
  CHECK(account_open(a) >= 0);
  for (uint32_t i = atomic_load(&a->slots); i < PROCESS_TABLE_MAX; i++)
    CHECK_EQ(atomic_load(&a->balance[i]), 0);
}
