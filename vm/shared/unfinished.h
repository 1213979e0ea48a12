/* SPDX-License-Identifier: MIT */
/* The unfinished messages of a ring: how many each process took and has not reported done. A
 * JoinableQueue waits for them.
 *
 * A part of a ring (shared/ring.h), in a block that the ring owns. All functions but
 * unfinished_init: under the ring's rank_head. Sleepers watch `event` without it.
 *
 * I1  Unfinished messages = settled + the sum of the balances. A balance is the number that a
 *     process took less the number that it reported; below zero if it reported messages that
 *     another process took.
 * I2  The unfinished messages of a process that ends are abandoned, so that no caller waits for
 *     them. Never more are abandoned than are unfinished.
 * I3  A change of several words is journaled as a whole, and `pending` commits it. The ring commits
 *     the change that belongs to a take, together with the take.
 */
#ifndef SHARED_UNFINISHED_H
#define SHARED_UNFINISHED_H

#include "shared/process_table.h"

enum unfinished_pending { UNFINISHED_SETTLED = 0, UNFINISHED_TAKES = 1, UNFINISHED_ABANDONS = 2 };

struct unfinished {
  _Atomic uint32_t pending; /* enum unfinished_pending: the change that is journaled below */
  uint32_t journal_slot;
  int64_t journal_balance;
  int64_t journal_settled;
  uint64_t journal_abandoned;
  _Atomic int64_t settled;     /* the balances of dead processes, less the abandoned messages */
  _Atomic uint64_t abandoned;  /* messages, ever */
  _Atomic uint32_t slots;      /* balances at and above it were never used */
  _Atomic uint32_t is_awaited; /* a thread sleeps on event, or did */
  futex_word event;
  _Atomic int64_t balance[PROCESS_TABLE_MAX];
};

/* Before any other process sees it. */
void unfinished_init(struct unfinished *u);
/* Number of messages that were taken and are not done. */
int64_t unfinished_open(const struct unfinished *u);
/* Around the commit of a take by the process in `slot`: unfinished_announce_take before,
 * unfinished_enter_take after. */
void unfinished_announce_take(struct unfinished *u, uint32_t slot);
/* Completes the take that was noted, in the step in which the message is taken. */
void unfinished_enter_take(struct unfinished *u);
/* Reports one message done. False: none is unfinished; nothing changed. */
MUST_CHECK bool unfinished_report(struct unfinished *u, uint32_t slot);
/* `slot` will not report `count` messages that it took; those that are still unfinished are
 * abandoned. */
void unfinished_abandon(struct unfinished *u, uint32_t slot, int64_t count);
/* Abandons all messages of `slot`, whose process is dead. */
void unfinished_forget(struct unfinished *u, uint32_t slot);
/* Settles the change of a holder that died; the ring knows whether its take was committed. */
void unfinished_repair(struct unfinished *u, bool is_take_committed);
/* Aborts when an invariant does not hold. Read only. */
void unfinished_validate(const struct unfinished *u);

#endif
