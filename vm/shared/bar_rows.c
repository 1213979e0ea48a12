/* SPDX-License-Identifier: MIT */
#include "shared/bar_rows.h"

#include "shared/kill_point.h"

uint32_t bar_rows_take(struct bar_rows *r, owner_id owner) {
  for (uint32_t row = 0; row < BAR_ROWS_MAX; row++) {
    owner_id none = 0;
    if (!atomic_compare_exchange_strong(&r->owners[row], &none, owner)) continue;
    KILL_POINT("bar_rows.taken");
    return row;
  }
  return BAR_ROWS_MAX;
}

void bar_rows_give(struct bar_rows *r, uint32_t row) {
  KILL_POINT("bar_rows.give");
  if (row < BAR_ROWS_MAX) atomic_store(&r->owners[row], 0);
  KILL_POINT("bar_rows.given");
}

bool bar_rows_has(const struct bar_rows *r, owner_id owner) {
  for (uint32_t row = 0; row < BAR_ROWS_MAX; row++)
    if (atomic_load(&r->owners[row]) == owner) return true;
  return false;
}

static uint32_t rows_needed(const struct bar_rows *r) {
  uint32_t count = BAR_ROWS_MAX;
  while (count > 0 && !atomic_load(&r->owners[count - 1])) count--;
  return count;
}

/* Rows between bars stay reserved, so that no bar moves when one above it ends. */
uint32_t bar_rows_reserve(struct bar_rows *r, uint32_t *before) {
  uint32_t old = atomic_load(&r->reserved);
  uint32_t wanted;
  do {
    const uint32_t needed = rows_needed(r);
    wanted = needed > 0 && old > needed ? old : needed;
  } while (!atomic_compare_exchange_weak(&r->reserved, &old, wanted));
  KILL_POINT("bar_rows.reserved");
  *before = old < BAR_ROWS_MAX ? old : BAR_ROWS_MAX;
  return wanted < BAR_ROWS_MAX ? wanted : BAR_ROWS_MAX;
}

void bar_rows_reap(struct bar_rows *r, owner_id dead) {
  for (uint32_t row = 0; row < BAR_ROWS_MAX; row++) {
    owner_id owner = dead;
    (void)!atomic_compare_exchange_strong(&r->owners[row], &owner, 0);
  }
}
