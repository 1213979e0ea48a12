/* SPDX-License-Identifier: MIT */
/* The messages of a sorted ring, the one with the least key first. For ring.c alone.
 *
 *     heap  := slot … | order     a block with a power of two of slots; 0: none yet
 *     slot  := struct ring_slot   a message: its block, its number, the first bytes of its key
 *     order := u32 …              numbers of slots: first those in use, as a binary heap; then the
 *                                 free ones
 *
 * A message is in a block of its own, its key in front of it. Keys compare as bytes do; of equal
 * ones the message that was put first comes first.
 *
 * H1  A message keeps its slot from put to take. The slots say what is in the ring: a slot whose
 *     `block` is 0 is free. `order` and the count follow from them, and are made again after a
 *     death, which takes as long as there are messages.
 * H2  The ring's commit words commit a change (ring.h, I3). `heap_change` names it with its slot
 *     and the commit word's next value: repair clears the slot of a put that did not commit, and
 *     that of a take that did.
 * H3  The store of `heap` moves the ring into a larger heap, or out of an empty one.
 *
 * All under rank_head. A put holds rank_tail as well, so tail's commit word does not change while a
 * repair compares it.
 */
#ifndef SHARED_RING_HEAP_H
#define SHARED_RING_HEAP_H

#include "shared/ring_state.h"

struct ring_slot {
  block_ref block; /* 0: free */
  uint64_t number; /* of the message, in the order of puts */
  uint64_t offset; /* of the key in the block; the message follows the key */
  uint64_t size;   /* of the message */
  uint64_t prefix[2];
  uint32_t key_size;
  uint32_t padding;
};
_Static_assert(sizeof(struct ring_slot) == 56, "layout");

/* A slot for a message whose key is in its block, at that offset. */
struct ring_slot ring_slot_of(block_ref block, uint64_t offset, uint32_t key_size, uint64_t size);
/* Where the message of a slot is, in its block. */
uint64_t ring_slot_offset(const struct ring_slot *slot);

/* Makes sure that there is a free slot. -ENOMEM: the ring is unchanged. */
MUST_CHECK status ring_heap_reach(struct ring *r);
/* Around the commit of a put, after which tail's commit word is `position`: ring_heap_note before, ring_heap_add
 * after. */
void ring_heap_note(struct ring *r, const struct ring_slot *message, uint64_t position);
void ring_heap_add(struct ring *r);
/* A copy of the first message's slot; there is one. */
struct ring_slot ring_heap_first(const struct ring *r);
/* Around the commit of its take, after which head's commit word is `position`. */
void ring_heap_announce_take(struct ring *r, uint64_t position);
void ring_heap_remove_first(struct ring *r);
/* Completes or undoes what a dead holder of the lock had begun; may be done twice. */
void ring_heap_settle(struct ring *r);
/* Frees the heap of a ring that ends, whose messages were taken; may be done twice. */
void ring_heap_free(struct ring *r);
/* Aborts when an invariant does not hold. Under both locks. */
void ring_heap_validate(const struct ring *r);

#endif
