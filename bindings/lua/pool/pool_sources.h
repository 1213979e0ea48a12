/* SPDX-License-Identifier: MIT */
/* The rings from which the workers of a pool take tasks, by priority.
 *
 * Tasks of the usual priority are in `tasks`. Those of a higher one are in `urgent`, those of a lower one in `later`, the
 * highest first; their messages have numbers of a series of their own. A worker looks in this order, and sleeps on `tasks`
 * alone: a put into another ring puts a message of the mode SERVE there, if there is none, and so does a worker that takes
 * from another ring and leaves some.
 *
 * An envelope precedes each wire message, so that the task is known even if the message cannot be decoded. */
#ifndef BINDINGS_POOL_POOL_SOURCES_H
#define BINDINGS_POOL_POOL_SOURCES_H

#include "shared/ring.h"
#include "worker/start_info.h"

/* The arguments of a task follow in the message, or are in a block of the parent, so that the
 * task can run again. Blocks of functions and of arguments are attachments
 * (shared/attachments.h) followed by size (u64) and message. */
struct task_envelope {
  uint8_t mode;  /* enum task_mode */
  uint8_t flags; /* enum task_flag */
  uint8_t reserved[2];
  uint32_t skip;     /* of a list, the first items that have run already */
  uint64_t task;     /* the parent's id of it; not 0 */
  uint64_t function; /* its number, never used twice in a pool */
  block_ref function_code;
  block_ref arguments;  /* 0: they follow */
  block_ref call_state; /* 0: it cannot be cancelled before it begins */
  uint64_t base;        /* in a pool with a seed, item i has the place base + i (state/random_stream.h) */
};
_Static_assert(sizeof(struct task_envelope) == 56, "fits in front of a parcel");

enum { PRIORITY_USUAL = 5, PRIORITY_MOST = 9 };

struct pool_sources {
  struct ring *urgent;
  struct ring *tasks;
  struct ring *later;
};

/* New rings. -ENOMEM: what was made is to be released all the same. */
MUST_CHECK status pool_sources_make(struct pool_sources *s);
/* For a worker, which holds the rings. STATUS_CLOSED: they are gone. */
MUST_CHECK status pool_sources_hold(struct pool_sources *s, const struct start_info *info);
void pool_sources_release(struct pool_sources *s);
/* Takes the task that is next, as ring_take_claimed does, and says from which ring. */
MUST_CHECK status pool_sources_take(const struct pool_sources *s, struct bytes *scratch,
                                    struct ring_message *out, _Atomic uint64_t *claim, struct ring **from);
/* The ring for tasks of a priority. */
struct ring *pool_sources_ring(const struct pool_sources *s, int priority);
/* Has a worker that sleeps look. -ENOMEM. */
MUST_CHECK status pool_sources_wake(const struct pool_sources *s);

#endif
