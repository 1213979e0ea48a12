/* SPDX-License-Identifier: MIT */
/* One end of a ring: its lock, its journal, its commit word, and the event word on which the other
 * side sleeps.
 *
 * The producers' end is the tail, the consumers' end the head; the model is in ring.h. `lock` is
 * rank_tail or rank_head. Atomic fields are read without it. For ring.c and ring_sleep.c.
 */
#ifndef SHARED_RING_END_H
#define SHARED_RING_END_H

#include "os/futex.h"
#include "os/robust_mutex.h"
#include "shared/arena.h"

/* See ring_storage.h. */
struct ring_place {
  uint64_t storage; /* block and logarithm of the capacity; 0: none */
  uint64_t start;   /* the position at which it begins */
};

struct ring_end {
  struct robust_mutex lock;
  _Atomic uint64_t count;          /* messages ever put, or taken; may lag behind position */
  _Atomic uint64_t bytes;          /* of these messages; likewise */
  uint64_t journal_position;       /* the next value of the commit word */
  uint64_t journal_count;          /* the next value of count, … */
  uint64_t journal_bytes;          /* … and of bytes */
  block_ref journal_block;         /* the outside block that changes its owner; 0: none */
  owner_id journal_owner;          /* the process that gives or takes it */
  block_ref journal_claim;         /* head only: the claim word, void unless the take commits; 0: none */
  uint64_t other_seen;             /* the other side's commit word when it was last read; a cache */
  struct ring_place place;         /* where `position` is, … */
  struct ring_place journal_place; /* … and where it is to be next */
  _Atomic uint32_t waiters;        /* sleeps that the OTHER side began; under this lock */
  _Atomic uint32_t woken;          /* follows `waiters`; changes by compare-and-swap only */
  _Alignas(64) _Atomic uint64_t position; /* the commit word: tail, or head */
  futex_word event;                       /* the other side sleeps on it */
  _Atomic uint32_t spin;                  /* spin rounds of the other side; any value is correct */
  _Atomic uint32_t processor;             /* CPU of the last commit; spinning on it is in vain */
};

/* Further words whose change ends a wait; see ring_wait_readable. */
struct ring_wait {
  const struct futex_watch *also; /* up to FUTEX_WATCH_MAX - 1 of them */
  size_t also_count;
};

#endif
