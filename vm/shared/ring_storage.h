/* SPDX-License-Identifier: MIT */
/* Where the records of a ring are: a chain of storages, most of the time of one. For ring.c alone.
 *
 *     chain    := storage → … → storage    consumers read the first one, producers write the last one
 *     storage  := 2 KiB in the ring's own block, or a block of 16 or 64 KiB
 *
 * A storage is written round and round as long as the records fit into it. For a record that does
 * not, the producer takes a block, writes a RECORD_NEXT, which names it, behind the last record, and
 * the record itself into the block. One store of `tail` commits both. The consumer that passes the
 * RECORD_NEXT frees the storage that it leaves, and the block that was freed last is the next one to
 * be taken. So the messages that are in the ring decide how much memory is touched, not those that
 * were in it before; there is no bound but memory; and nothing is moved.
 *
 * C1  Behind the last record, in the lap of its storage, there is room for a RECORD_NEXT. A storage
 *     begins with a record that is committed together with the RECORD_NEXT before it.
 * C2  Each end has a place: its storage, and the position at which that storage begins. A position
 *     is stored modulo the storage's capacity from there on. The places of an empty ring are equal.
 * C3  A block that changes between a process and the ring is journaled (`journal_place`), or in the
 *     chain, at every instant. Whether the change is committed follows from the end's position and
 *     the position at which the new storage begins.
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
  RING_FIRST_LOG = 11,
  RING_SECOND_LOG = 14,
  RING_LAST_LOG = 16,
  RING_NEXT_SPACE = 16, /* of a RECORD_NEXT */
};

static inline block_ref place_block(const struct ring_place *p) { return p->storage & ~UINT64_C(255); }
static inline uint64_t place_capacity(const struct ring_place *p) {
  const unsigned log = p->storage & 255;
  CHECK(log >= RING_FIRST_LOG && log <= RING_LAST_LOG);
  return UINT64_C(1) << log;
}
/* Bytes from the position to the end of its lap, which no record crosses. */
static inline uint64_t place_left(const struct ring_place *p, uint64_t position) {
  return place_capacity(p) - ((position - p->start) & (place_capacity(p) - 1));
}
/* The address of a position, of which as many bytes may be used as place_left says. */
static inline uint8_t *place_at(const struct ring_place *p, uint64_t position) {
  const uint64_t capacity = place_capacity(p);
  return (uint8_t *)segment_bytes_at(place_block(p), capacity) + ((position - p->start) & (capacity - 8));
}

/* Of a ring that is new. */
struct ring_place storage_first(const struct ring *r);

/* Takes a block for the storage that is to follow the tail's. Under rank_tail. -ENOMEM. */
MUST_CHECK status storage_plan(const struct ring *r, struct ring_place *out);
/* Gives the block to the ring, before the commit of its first record, … */
void storage_begin(struct ring *r, const struct ring_place *next);
/* … and makes it the tail's after that commit. Both under rank_tail. */
void storage_enter(struct ring *r);

/* The take that is about to commit reads the first record of the storage at `next`. Under
 * rank_head. */
void storage_announce(struct ring *r, const struct ring_place *next);
/* Frees the storage that the committed take has left. Under rank_head. */
void storage_leave(struct ring *r);

/* Each completes or undoes what a dead holder of the end's lock had begun; may be done twice. */
void storage_settle_tail(struct ring *r);
void storage_settle_head(struct ring *r);

/* Frees the storage of an empty ring that ends. Under both locks; may be done twice. */
void storage_free(struct ring *r);

#endif
