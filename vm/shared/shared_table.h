/* SPDX-License-Identifier: MIT */
/* A table in the segment: keys and values are bytes, read and written by all processes,
 * without a server.
 *
 * Open addressing over an array of words; each names a record, a block with one key and its value,
 * or is empty, or was. A record never changes.
 *
 * I1  A store of one word commits every change: a slot's for set and remove, `slots` for growth.
 *     What else changes with it is journaled before: repair sees whether the word is the new one,
 *     and frees the other block.
 * I2  The table owns its array, and the record that each slot names; nothing else once the
 *     journal is settled.
 * I3  `count` and `used` follow from the slots; repair counts again.
 *
 * All under the table's lock (rank_sync), for some hundred nanoseconds, and longer while it grows.
 */
#ifndef SHARED_SHARED_TABLE_H
#define SHARED_SHARED_TABLE_H

#include "base/bytes.h"
#include "shared/synchronizer.h"

struct shared_table {
  struct object object;
  struct robust_mutex mutex; /* rank_sync */
  _Atomic uint64_t slots;    /* array's block | log2 of its length */
  uint64_t count;            /* records */
  uint64_t used;             /* slots that are not empty */
  _Atomic uint32_t is_changing;
  uint64_t journal_slot;
  uint64_t journal_new; /* what the slot is to name */
  uint64_t journal_old;
  block_ref journal_array; /* a new array, not yet or no longer the table's */
  block_ref journal_past;  /* the one before */
  _Atomic object_ref lock; /* for scripts; sync_beside */
};

struct shared_table_text {
  const void *bytes;
  size_t size;
};

/* Held once by this process. */
MUST_CHECK status shared_table_make(struct shared_table **out);
void shared_table_register_kind(void);
/* -ENOMEM; STATUS_TOO_LARGE. */
MUST_CHECK status shared_table_set(struct shared_table *t, struct shared_table_text key,
                                   struct shared_table_text value);
/* False: there is none. *value is appended to. -ENOMEM leaves it. */
MUST_CHECK status shared_table_get(struct shared_table *t, struct shared_table_text key, struct bytes *value,
                                   bool *is_there);
void shared_table_remove(struct shared_table *t, struct shared_table_text key);
uint64_t shared_table_count(struct shared_table *t);
/* All keys, each with its size (uint32_t) in front. */
MUST_CHECK status shared_table_keys(struct shared_table *t, struct bytes *keys);
/* Aborts when an invariant does not hold; nobody else may be at work. */
void shared_table_validate(struct shared_table *t);

#endif
