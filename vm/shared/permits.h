/* SPDX-License-Identifier: MIT */
/* Lock, RLock, Semaphore and BoundedSemaphore: permits that are taken and returned (struct
 * sync, shared/synchronizer.h).
 *
 * A new caller may take a free permit ahead of waiters (barging); waiters are woken to compete:
 * handing each permit over would make every take a change of threads. But a waiter of a millisecond
 * is given the next one.
 *
 * A lock that nobody waits for is taken and returned by its word alone (shared/lock_word.h).
 *
 * A lock has a holder, a thread of a process. One that ends leaves the lock to the next waiter,
 * with a mark that it was abandoned. Of semaphores each process has a count. Permits of a process
 * that is gone come back, as far as permits are missing: where one process takes and another one
 * returns, as with a count of things produced, nothing is.
 */
#ifndef SHARED_PERMITS_H
#define SHARED_PERMITS_H

#include "shared/synchronizer.h"

/* STATUS_TIMEOUT, STATUS_INTERRUPTED: call it again with the same wait, or permits_give_up. With a deadline
 * that has passed it does not wait. */
MUST_CHECK status permits_take(struct synchronizer *s, struct execution_context who,
                               struct synchronizer_wait *w, deadline until, bool *was_abandoned);
/* Leaves the line, and passes on a permit that it was granted. Nothing happens if it never
 * waited. */
void permits_give_up(struct synchronizer *s, struct synchronizer_wait *w);
/* STATUS_EMPTY: a lock that nobody holds. STATUS_FOREIGN: an RLock that another one holds. STATUS_TOO_LARGE:
 * more than its bound. */
MUST_CHECK status permits_return(struct synchronizer *s, struct execution_context who, uint64_t count);
/* The thread, or its VM, ends and has not returned so many. */
void permits_abandon(struct synchronizer *s, struct execution_context who, uint64_t count);
/* On a clean exit the permits stay acquired and have no owner. */
void permits_keep(struct synchronizer *s, struct execution_context who, uint64_t count);
/* Condition: an RLock is returned as a whole, and taken again as deep as it was. 0: it is
 * not held by `who`. */
uint32_t permits_return_all(struct synchronizer *s, struct execution_context who);
/* Of an RLock that the caller holds: how often it has to be returned. */
void permits_set_depth(struct synchronizer *s, uint32_t depth);

/* Of a lock. False as well while another one holds it. */
bool permits_is_held_by(struct synchronizer *s, struct execution_context who);
/* Free ones; of a lock 0 or 1. */
uint64_t permits_free(struct synchronizer *s);
/* False: a lock that is free. */
bool permits_holder(struct synchronizer *s, struct execution_context *out);

#endif
