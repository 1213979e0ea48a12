/* SPDX-License-Identifier: MIT */
/* Condition and Event: waiting to be told (struct sync, shared/sync.h).
 *
 * A condition tells those who wait, in the order in which they came; what a process was told that died before
 * it went on is told to the next. The lock that belongs to it is its users' affair. An event is a flag: it
 * has no places, and nobody's death matters to it.
 */
#ifndef SHARED_CONDITION_H
#define SHARED_CONDITION_H

#include "shared/sync.h"

/* While the lock is still held. -EAGAIN: too many wait. */
MUST_CHECK status condition_enter(struct sync *s, uint32_t slot, struct sync_wait *w);
/* STATUS_OK: told, and out of the line. STATUS_TIMEOUT, STATUS_INTERRUPTED: again, or condition_leave. */
MUST_CHECK status condition_sleep(struct sync *s, struct sync_wait *w, deadline until);
/* True: it had been told after all. */
bool condition_leave(struct sync *s, struct sync_wait *w);
/* Tells the first `count`. */
void condition_notify(struct sync *s, uint64_t count);

void event_set(struct sync *s);
void event_clear(struct sync *s);
bool event_is_set(const struct sync *s);
/* *seen is 0 before the first call. STATUS_OK: it is set, or was meanwhile. */
MUST_CHECK status event_wait(struct sync *s, uint64_t *seen, deadline until);
/* Leaves bells; true: it is set already. */
bool event_watch(struct sync *s, bell_set bells);

#endif
