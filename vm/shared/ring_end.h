/* SPDX-License-Identifier: MIT */
/* One end of a ring: its lock, its journal and its commit word; and on what the other side sleeps.
 *
 * The producers' end is the tail, the consumers' end the head; the model is in ring.h.
 * `lock` is rank_tail or rank_head. What is atomic is read without it. For ring.c and ring_sleep.c.
 */
#ifndef SHARED_RING_END_H
#define SHARED_RING_END_H

#include "os/futex.h"
#include "os/robust_mutex.h"
#include "shared/arena.h"

struct ring_end {
  struct robust_mutex lock;
  _Atomic uint64_t count;    /* messages ever put, or taken; settled, so it may lag behind position */
  _Atomic uint64_t bytes;    /* tail only: of all messages ever put; one is missing for each death in a put */
  uint64_t journal_position; /* what the commit word will be */
  uint64_t journal_count;    /* what count will be */
  block_ref journal_block;   /* the outside block that changes hands; 0: none */
  owner_id journal_owner;    /* who gives or takes it */
  block_ref journal_claim;   /* head only: the claim word that is void if the take does not commit; 0: none */
  uint64_t other_seen;       /* the other side's commit word when last looked at; a cache */
  _Atomic uint32_t waiters;  /* how often somebody of the OTHER side went to sleep; under this lock */
  _Atomic uint32_t woken;    /* chases `waiters`; moves by compare-and-swap alone */
  _Alignas(64) _Atomic uint64_t position; /* the commit word: tail, or head */
  futex_word event;                       /* the other side sleeps on it */
  _Atomic uint32_t spin;      /* how long the other side spins before it sleeps; adapts; any value is right */
  _Atomic uint32_t processor; /* where the last commit ran; spinning on the same one is in vain */
};

/* What else a wait may end for; see ring_wait_readable. */
struct ring_wait {
  const struct futex_watch *also; /* up to FUTEX_WATCH_MAX - 1 of them */
  size_t also_count;
};

#endif
