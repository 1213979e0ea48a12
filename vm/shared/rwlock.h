/* SPDX-License-Identifier: MIT */
/* RWLock: many readers or one writer (struct synchronizer, shared/synchronizer.h).
 *
 * First come, first served: a caller that arrives while others wait gets in line behind them, and
 * what is free goes to the first in line: to a writer, or to all readers up to the next writer. So
 * neither readers nor writers starve. Only callers that find no free waiter (struct synchronizer,
 * `room`) compete.
 *
 * I1  There is a writer or there are readers, never both. A waiter that was granted counts as one.
 * I2  `now.readers` is the sum of the processes' counts (synchronizer_taken).
 * I3  The first in line has to wait for those that hold the lock, or were granted it.
 *
 * Of a writer the thread is known. Of readers it is the processes that are counted; which of its
 * threads reads is known by each VM (bindings/lua/locks/held_locks.h). A reader that is gone leaves
 * its share to the others, silently: it changed nothing. After a writer that is gone the next take,
 * for reading or writing, reports that the lock was abandoned.
 */
#ifndef SHARED_RWLOCK_H
#define SHARED_RWLOCK_H

#include "shared/synchronizer.h"

enum rwlock_use { RWLOCK_READ = 0, RWLOCK_WRITE = 1 };

/* A wait that has not begun. */
static inline struct synchronizer_wait rwlock_wait(enum rwlock_use use) {
  return (struct synchronizer_wait){.purpose = (uint16_t)use};
}

/* Takes it if that needs no wait, or collects what a wait was granted; else STATUS_TIMEOUT. */
MUST_CHECK status rwlock_try(struct synchronizer *s, struct execution_context who,
                             struct synchronizer_wait *w, bool *was_abandoned);
/* Gets in line before it waits, even with a deadline that has passed. STATUS_TIMEOUT,
 * STATUS_INTERRUPTED: call it again with the same wait, or rwlock_give_up. */
MUST_CHECK status rwlock_take(struct synchronizer *s, struct execution_context who,
                              struct synchronizer_wait *w, deadline until, bool *was_abandoned);
/* Leaves the line, and passes on what it was granted. Nothing happens if it never waited. */
void rwlock_give_up(struct synchronizer *s, struct synchronizer_wait *w);
/* STATUS_EMPTY: this process does not read, or nobody writes. STATUS_FOREIGN: another one
 * writes. */
MUST_CHECK status rwlock_return(struct synchronizer *s, struct execution_context who, enum rwlock_use use);

struct rwlock_holders {
  uint64_t readers;
  bool has_writer;
  struct execution_context writer;
};
/* Its holders at the instant of the call, in one step. */
void rwlock_look(struct synchronizer *s, struct rwlock_holders *out);
/* Whether `who` holds it for writing. */
bool rwlock_is_writer(struct synchronizer *s, struct execution_context who);
/* A process that holds it, or waits for it, is dead and was not swept yet. */
bool rwlock_has_dead_holder(struct synchronizer *s);

#endif
