/* SPDX-License-Identifier: MIT */
/* How many messages of a ring each process took and has not reported done: what a
 * JoinableQueue waits for.
 *
 * A part of a ring (shared/ring.h), in a block that the ring owns. All functions but unfinished_init:
 * under the ring's rank_head, but for `event`, which sleepers watch without it.
 *
 * I1  Open messages = settled + the sum of the balances. A balance is what a process took less what
 *     it reported; below zero where it reported what another one had taken.
 * I2  The open messages of a process that ends are abandoned, so that no caller waits for them.
 *     Never more are abandoned than are open.
 * I3  A change of several words is journaled as a whole; `pending` commits it. The change that
 *     belongs to a take is committed by the ring, with the take.
 */
#ifndef SHARED_UNFINISHED_H
#define SHARED_UNFINISHED_H

#include "shared/process_table.h"

enum unfinished_pending { UNFINISHED_SETTLED = 0, UNFINISHED_TAKES = 1, UNFINISHED_FORGIVES = 2 };

struct unfinished {
  _Atomic uint32_t pending; /* enum unfinished_pending: what the journal below is for */
  uint32_t journal_slot;
  int64_t journal_balance;
  int64_t journal_settled;
  uint64_t journal_abandoned;
  _Atomic int64_t settled;     /* what is left of the balances of those who are gone */
  _Atomic uint64_t abandoned;  /* how many messages, ever */
  _Atomic uint32_t slots;      /* balances at and above it were never used */
  _Atomic uint32_t is_awaited; /* somebody sleeps on event, or did */
  futex_word event;
  _Atomic int64_t balance[PROCESS_TABLE_MAX];
};

void unfinished_init(struct unfinished *a);
/* How many messages are out and not done. */
int64_t unfinished_open(const struct unfinished *a);
/* Around the commit of a take by the process in `slot`: announced before, entered after. */
void unfinished_announce_take(struct unfinished *a, uint32_t slot);
void unfinished_enter_take(struct unfinished *a);
/* One is done. False, and nothing changed: none is open. */
MUST_CHECK bool unfinished_report(struct unfinished *a, uint32_t slot);
/* `count` messages that were taken by `slot` will not be reported by it; those of them that are
 * still open are abandoned. */
void unfinished_forgive(struct unfinished *a, uint32_t slot, int64_t count);
/* Everything that is charged to `slot`, whose process is gone. */
void unfinished_forget(struct unfinished *a, uint32_t slot);
/* After a holder of the lock died; the ring knows whether its take was committed. */
void unfinished_repair(struct unfinished *a, bool is_take_committed);
void unfinished_validate(const struct unfinished *a);

#endif
