/* SPDX-License-Identifier: MIT */
/* Where the records of a ring are. For ring.c alone.
 *
 *     plain      one block, whose capacity is a power of two from 2 KiB to 1 MiB; a position is
 *                stored modulo the capacity
 *     extended   a directory of extents of 1 MiB; a position is stored modulo 1 MiB in the extent
 *                of its number. Producers add extents, consumers free those that they have passed,
 *                so an unbounded ring takes as much memory as its messages.
 *
 * The word `storage` of a ring names block and kind at once, so one store moves the ring. A plain
 * storage grows into larger ones, by copying, and then into an extended one.
 *
 * I1  The extent of a tail that is not at the start of one is there; at the start it may be missing
 *     or there.
 * I2  A block that changes between this process and the ring is journaled (`journal_new`,
 *     `journal_extent`) or reachable from the directory, at every instant.
 *
 * Words read from the ring are checked: a peer may have written anything.
 */
#ifndef SHARED_RING_STORAGE_H
#define SHARED_RING_STORAGE_H

#include "shared/ring_state.h"
#include "shared/segment.h"

enum {
  RING_OBJECT_SIZE = 4096,
  RING_FIRST_STORAGE = 2048, /* the second half of the object's own block */
  RING_PLAIN_LOG_LEAST = 11,
  RING_EXTENT_LOG = 20, /* also of the largest plain storage */
  RING_EXTENDED = 63,   /* in the place of a logarithm */
};
#define RING_EXTENT (UINT64_C(1) << RING_EXTENT_LOG)

static inline unsigned storage_log(uint64_t word) { return (unsigned)(word & 255); }
static inline bool storage_is_extended(uint64_t word) { return storage_log(word) == RING_EXTENDED; }
/* A record does not cross a multiple of it. */
static inline uint64_t storage_lap(uint64_t word) {
  return UINT64_C(1) << (storage_is_extended(word) ? RING_EXTENT_LOG : storage_log(word) & 63);
}
/* Bytes that fit; of an extended one more than there is memory. */
static inline uint64_t storage_capacity(uint64_t word) { return UINT64_C(1) << (storage_log(word) & 63); }
/* Bytes from the position to the end of its lap. */
static inline uint64_t storage_left(uint64_t word, uint64_t position) {
  return storage_lap(word) - (position & (storage_lap(word) - 1));
}

/* The word of the storage in the ring's own block. */
uint64_t storage_first(const struct ring *r);
/* As storage_at, of an extended one; aborts for a word that is of no storage. */
uint8_t *storage_at_extent(const struct ring *r, uint64_t word, uint64_t position);
/* The address of a position, of which as many bytes may be used as storage_left says. */
static inline uint8_t *storage_at(const struct ring *r, uint64_t word, uint64_t position) {
  const uint64_t size = UINT64_C(1) << (storage_log(word) & 63);
  if (size > RING_EXTENT) return storage_at_extent(r, word, position);
  return (uint8_t *)segment_bytes_at(word & ~UINT64_C(255), size) + (position & (size - 8));
}

/* A larger storage that is about to replace the one that there is. */
struct storage_plan {
  uint64_t word;
  uint64_t base;  /* extended: the number of the first extent, … */
  size_t extents; /* … and how many there are */
};
/* Makes a storage for at least `space` bytes more. Under rank_tail. -ENOMEM. */
MUST_CHECK status storage_plan_growth(struct ring *r, uint64_t space, struct storage_plan *out);
/* Copies the records, and moves the ring. Under both locks. */
void storage_move(struct ring *r, const struct storage_plan *plan);
/* Extended: makes sure that there is an extent for a record at `position`. Under rank_tail.
 * -ENOMEM. */
MUST_CHECK status storage_reach(struct ring *r, uint64_t position);
/* Extended: frees the extents before `head`, which has just been stored. Under rank_head. */
void storage_pass(struct ring *r);
/* Completes or undoes what a dead holder of the lock had begun; may be done twice. */
void storage_settle(struct ring *r);
/* Frees the storage of a ring that ends. Under both locks; may be done twice. */
void storage_free(struct ring *r);

#endif
