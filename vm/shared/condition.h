/* SPDX-License-Identifier: MIT */
/* Condition and Event: waiting for a notification (struct synchronizer, shared/synchronizer.h).
 *
 * A condition notifies its waiters in the order in which they came. If a notified process dies
 * before it resumes, the next waiter is notified. The caller manages the associated lock. An event
 * is a flag: it has no waiters, and no death matters to it.
 */
#ifndef SHARED_CONDITION_H
#define SHARED_CONDITION_H

#include "shared/synchronizer.h"

/* While the lock is still held. -EAGAIN: too many wait. */
MUST_CHECK status condition_enter(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w);
/* STATUS_OK: told, and out of the line. STATUS_TIMEOUT, STATUS_INTERRUPTED: again, or condition_leave. */
MUST_CHECK status condition_sleep(struct synchronizer *s, struct synchronizer_wait *w, deadline until);
/* True: it had been told after all. */
bool condition_leave(struct synchronizer *s, struct synchronizer_wait *w);
/* Tells the first `count`. */
void condition_notify(struct synchronizer *s, uint64_t count);

/* Wakes all waiters, and the wakers that were left with it. A set event stays as it is. */
void event_set(struct synchronizer *s);
/* Waiters that a set has woken go on all the same. */
void event_clear(struct synchronizer *s);
/* At the instant of the call. */
bool event_is_set(const struct synchronizer *s);
/* *seen is 0 before the first call. STATUS_OK: it is set, or was meanwhile. */
MUST_CHECK status event_wait(struct synchronizer *s, uint64_t *seen, deadline until);
/* Leaves wakers; true: it is set already. */
bool event_watch(struct synchronizer *s, waker_set wakers);

#endif
