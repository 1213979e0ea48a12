/* SPDX-License-Identifier: MIT */
/* A table in the segment: keys and values are bytes. All processes read and write it, without a
 * server.
 *
 *     array   := word …            a power of two of them, never full
 *     word    := 0 (empty) | 1 (a record was removed) | place of a record / 16 << 28 | 28 bits of
 *                the key's hash
 *     record  := size of key u32 | size of value u32 | key | value       a block
 *
 * Open addressing. The bits of the hash tell records apart and place them in a larger array, so
 * neither a search nor growth reads other records. The hash is keyed (base/siphash.h): users of a
 * table cannot choose keys that collide. A record never changes.
 *
 * I1  A store of one word commits every change: that of a slot for set and remove, that of `slots`
 *     for growth. Everything else that changes is journaled before: repair checks whether the word
 *     is the new one, and frees the other block.
 * I2  The table owns its array and the record that each slot names; once the journal is settled it
 *     owns nothing else.
 * I3  `count`, `used` and `bytes` follow from the slots; repair counts again.
 * I4  `changes` grows with each change of a key, under the lock, and with each repair. A change then wakes the watchers; a
 *     waiter whose waker died before that looks again (wakers.h).
 *
 * Words and sizes read from the segment are checked: a peer may have written anything.
 *
 * All under the table's lock (rank_sync), for some hundred nanoseconds, and longer while it grows.
 */
#ifndef SHARED_SHARED_TABLE_H
#define SHARED_SHARED_TABLE_H

#include "base/bytes.h"
#include "base/siphash.h"
#include "shared/synchronizer.h"
#include "shared/wakers.h"

struct shared_table {
  struct object object;
  struct robust_mutex mutex; /* rank_sync */
  _Atomic uint64_t slots;    /* offset of the array's block | log2 of its length */
  uint64_t count;            /* records */
  uint64_t used;             /* slots that are not empty: records and tombstones */
  uint64_t bytes;            /* of keys and values, and SHARED_TABLE_ENTRY for each record */
  uint64_t max_bytes;        /* 0: none */
  struct siphash_key hash_key;
  _Atomic uint32_t is_changing;
  uint64_t journal_slot;
  uint64_t journal_new; /* the slot's next value */
  uint64_t journal_old;
  block_ref journal_array; /* the new array while the table grows; 0: no growth is under way */
  block_ref journal_past;  /* the one before */
  _Atomic object_ref lock; /* the RLock that scripts use; see synchronizer_beside */
  _Atomic uint32_t changes;
  uint32_t reserved;
  _Atomic waker_set watchers;
};

enum { SHARED_TABLE_ENTRY = 16 };

struct shared_table_text {
  const void *bytes;
  size_t size;
};

/* A new table, held once by this process. max_bytes: the most that `bytes` may be; 0: any. -ENOMEM. */
MUST_CHECK status shared_table_make(uint64_t max_bytes, struct shared_table **out);
/* Sets the destructor of tables; once for each process, before the first is made. */
void shared_table_register_kind(void);
/* -ENOMEM, STATUS_TOO_LARGE, STATUS_FULL (max_bytes): the table is unchanged. */
MUST_CHECK status shared_table_set(struct shared_table *t, struct shared_table_text key,
                                   struct shared_table_text value);
/* Appends the key's value to *value. *is_there is false when there is none. -ENOMEM: *value is
 * unchanged. */
MUST_CHECK status shared_table_get(struct shared_table *t, struct shared_table_text key, struct bytes *value,
                                   bool *is_there);
/* Removes the key, if it is there. */
void shared_table_remove(struct shared_table *t, struct shared_table_text key);
/* How many keys it has, at the instant of the call. */
uint64_t shared_table_count(struct shared_table *t);
uint64_t shared_table_bytes(struct shared_table *t);
/* A number that is another one after each change of a key. */
uint32_t shared_table_changes(const struct shared_table *t);
/* Waits until it is not `seen` any more. STATUS_TIMEOUT, STATUS_INTERRUPTED. The caller holds the table. */
MUST_CHECK status shared_table_await_change(struct shared_table *t, uint32_t seen, deadline until);
/* Appends all keys to *keys, each with its size (uint32_t) in front. -ENOMEM. */
MUST_CHECK status shared_table_keys(struct shared_table *t, struct bytes *keys);
/* Aborts when an invariant does not hold. No other thread may use the table. */
void shared_table_validate(struct shared_table *t);

#endif
