/* SPDX-License-Identifier: MIT */
/* The state behind the segment, for segment.c, holds.c and sweep.c alone: the head of the segment,
 * as all processes see it, and this process's part in it.
 *
 *     segment.c  the segment: making, joining, addresses, blocks
 *     holds.c    objects, and which of them this process holds
 *     sweep.c    what the dead left; and what always holds
 *
 * `segment` is one of the few pieces of state at file scope (vm/README.md). What segment.c stores
 * when it makes or joins the segment never changes until the last user closes it; everything else
 * says what guards it.
 */
#ifndef SHARED_SEGMENT_PRIVATE_H
#define SHARED_SEGMENT_PRIVATE_H

#include "shared/arena.h"
#include "shared/object.h"
#include "shared/totals.h"
#include "sync/mutex.h"

enum { SEGMENT_KINDS = 8 }; /* more than there are in enum object_kind */

/* A count and the word that notes it change together: both new values stand here before
 * `is_pending` commits them, and may be stored twice. */
struct count_journal {
  block_ref count;
  uint64_t new_count;
  block_ref noted;
  uint64_t new_noted;
  _Atomic uint64_t is_pending;
};

struct segment_header {
  uint32_t magic;
  uint32_t format; /* from the sizes of what is laid out: another build refuses us */
  uint64_t size;
  _Atomic uint64_t recording;     /* see segment_recording */
  struct robust_mutex sweep_lock; /* rank_sweep: one process at a time cleans up after the dead */
  struct totals totals;
  struct robust_mutex count_lock; /* rank_count */
  struct count_journal count_journal;
  struct arena arena;
};

struct held_locks {
  block_ref object; /* 0: free place */
  uint32_t handles;
};

struct segment {
  struct mutex lock; /* rank_holds: users, held, held_* */
  unsigned users;
  struct mapping map; /* one thread writes it, before anybody else can know */
  struct segment_header *header;
  struct process_table *processes;
  uint32_t slot;
  owner_id self;
  struct process_id id;
  struct held_locks *held;
  size_t held_capacity; /* a power of two, or 0 */
  size_t held_locks_count;
  /* Each always the same: stored before the first object of its kind. */
  _Atomic(object_destructor) destroy[SEGMENT_KINDS];
  _Atomic(object_owner_died) owner_died[SEGMENT_KINDS];
};

extern struct segment segment;

#endif
