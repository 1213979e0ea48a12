/* SPDX-License-Identifier: MIT */
/* Barrier: so many parties wait for each other (struct synchronizer, shared/synchronizer.h).
 *
 * Each round: parties arrive and wait; the last one may act while the others still wait, and opens.
 * A barrier is broken by a party that gives up, by abort, and by the death of a process that had it
 * and did not release it. Then all waiters return, and later arrivals too, until it is reset.
 */
#ifndef SHARED_BARRIER_H
#define SHARED_BARRIER_H

#include "shared/synchronizer.h"

enum barrier_phase { BARRIER_FILLS = 0, BARRIER_ACTS = 1, BARRIER_OPENS = 2, BARRIER_EMPTIES = 3 };

struct barrier_arrival {
  struct synchronizer_wait wait;
  uint64_t index; /* the first party has 1, the last one the number of parties and no waiter */
};

/* STATUS_OK: arrived; barrier_sleep next, or, as the last one, what is to be done and barrier_open.
 * STATUS_BROKEN. STATUS_TIMEOUT, STATUS_INTERRUPTED: the round before is not over yet; again. */
MUST_CHECK status barrier_arrive(struct synchronizer *s, struct execution_context who,
                                 struct barrier_arrival *a, deadline until);
/* Whether it completes the round, so that its caller acts and opens or breaks the barrier. */
bool barrier_is_last(const struct synchronizer *s, const struct barrier_arrival *a);
/* STATUS_OK: through; STATUS_BROKEN. STATUS_TIMEOUT, STATUS_INTERRUPTED: again, or barrier_leave. */
MUST_CHECK status barrier_sleep(struct synchronizer *s, struct barrier_arrival *a, deadline until);
/* Gives up and breaks it, unless it opened meanwhile: then STATUS_OK; else STATUS_BROKEN. */
MUST_CHECK status barrier_leave(struct synchronizer *s, struct barrier_arrival *a);
/* By the last one. STATUS_BROKEN: it was broken meanwhile. */
MUST_CHECK status barrier_open(struct synchronizer *s);
/* All parties that wait or come leave with STATUS_BROKEN, until a reset. */
void barrier_break(struct synchronizer *s);
/* Empty and whole again; waiters return as from a broken one. */
void barrier_reset(struct synchronizer *s);

/* At the instant of the call. */
bool barrier_is_broken(struct synchronizer *s);
/* How many parties wait, without the last one of a round. */
uint32_t barrier_waiting(struct synchronizer *s);

#endif
