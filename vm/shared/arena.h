/* SPDX-License-Identifier: MIT */
/* Blocks of shared memory of any size, each with an owner. The death of a process at any instant
 * neither leaks a block nor leaves it half taken.
 *
 * The data is divided into chunks of 64 KiB. Address space is sparse: a chunk costs only the pages
 * that were committed in it.
 *
 *     up to 64 KiB    a block of a slab: 45 sizes, 64, 80, … 256, then four for each doubling. A
 *                     slab is one chunk, or up to 16 so that it has 16 blocks at least.
 *     above           a run of 2^n chunks, from a buddy system
 *
 *     arena   := chunk table | control pages | charge pages | chunks
 *     chunk table    an entry for each chunk: what begins there, its committed pages, its lists
 *     control page   one for each chunk, used while a slab begins there: a bitmap of free blocks
 *                    and the owner words of the slab
 *     charge page    likewise, once a block of the slab is charged: the charges (accounts.h)
 *
 * I1  Each block has one owner word, which changes by one atomic operation: no block is ever half
 *     taken. The word of a slab's block says that no block is there, that a block of the slab's
 *     size is free there, or who owns it. So a taker that is late by any time takes a block that is
 *     free at the instant of the operation, or none.
 * I2  The owner is a process (shared/process_table.h) or an object (a ring, which owns its
 *     messages). A flag in the same word marks attachments. The blocks of a dead process are free
 *     after arena_reap; the blocks of an object are freed with the object.
 * I3  `committed` of a chunk is never more than the pages that are committed from its start: pages
 *     are committed before it rises, and decommitted after it falls.
 * I4  What begins at a chunk, and the owner words, are the truth. Bitmaps, lists of slabs and runs,
 *     and counts follow from it: an update that a death cut short is made good by rebuilding them,
 *     and a wrong bit costs one look at an owner word.
 * I5  A slab without blocks becomes a run again, so memory moves between sizes. Slabs lose at most
 *     a fifth of a block to rounding (a third below 128 bytes); a run loses address space alone.
 *
 * I6  A block whose request names an account is charged to it until the block is freed, or given by an
 *     object to a process: a message that is taken. Only the owner changes the charge.
 *
 * Blocks of slabs are taken and freed without a lock, but for one operation in some hundred;
 * rank_arena guards lists and runs for some hundred nanoseconds. Nothing read from shared memory is
 * used as an index before it was checked, and where the parts lie is computed by each process.
 */
#ifndef SHARED_ARENA_H
#define SHARED_ARENA_H

#include "base/status.h"
#include "shared/arena_types.h"

/* Of an arena from offset `start` on, in a mapping of `size` bytes. */
struct arena_layout arena_layout(uint64_t size, uint64_t start);
/* Computes where the arena of a mapping lies, from offset `start` on. */
void arena_locate(struct arena *a, const struct mapping *m, uint64_t start, struct arena_state *state);
/* How much of a memory, the machine's or a control group's, an arena may use: all but a quarter, which is left for
 * all else and need not be more than 3 GiB. */
uint64_t arena_share_of(uint64_t memory);
/* Makes the arena, whose state is zeroed, empty. At most `bytes_max` bytes of the segment will be
 * committed; less if there are not so many. */
void arena_init(struct arena *a, uint64_t bytes_max);

/* A block, owned by the request's owner; its first `size` bytes are committed and not initialised.
 * -ENOMEM: no memory; STATUS_TOO_LARGE: larger than the arena. */
MUST_CHECK status arena_take(struct arena *a, const struct arena_request *request, block_ref *out);
/* As arena_take, for data of `size` bytes. */
MUST_CHECK status arena_alloc(struct arena *a, uint64_t size, owner_id owner, block_ref *out);
/* Frees a block that the caller owns. */
void arena_free(struct arena *a, block_ref block);
/* Frees a block of `owner`. False: it has another owner, or is no longer there; nothing changed. Safe
 * for any value of `block`. */
bool arena_free_of(struct arena *a, block_ref block, owner_id owner);
/* As arena_give, for a block that may be attachments; their flag moves with it. */
bool arena_hand_over(struct arena *a, block_ref block, owner_id from, owner_id to);
/* Moves ownership in one step. False: `from` did not own the block, or it is no longer there;
 * nothing changed. Safe for any value of `block`. */
bool arena_give(struct arena *a, block_ref block, owner_id from, owner_id to);
/* 0: it is free, or no longer there. Safe for any value. */
owner_id arena_owner(const struct arena *a, block_ref block);
uint64_t arena_block_size(const struct arena *a, block_ref block);
/* Asks the processor for the words that a change of the block's owner, or freeing it, will touch. */
void arena_prefetch(const struct arena *a, block_ref block);
/* Commits the block's first `size` bytes, at most the whole block, and charges the account (NULL:
 * none) for them if the block is charged to it. The caller owns the block. -ENOMEM. */
MUST_CHECK status arena_commit(struct arena *a, block_ref block, uint64_t size, struct account *account);
/* Number of bytes committed from the block's start. The caller owns the block. */
uint64_t arena_committed(const struct arena *a, block_ref block);
/* True for the start of a block, free or not; safe for any value. */
bool arena_has(const struct arena *a, block_ref block);
/* Frees all blocks that `dead` owned, and puts the bitmaps right. Safe to run twice, and by several
 * processes at once. */
void arena_reap(struct arena *a, owner_id dead);
/* Calls visit for each object: a block that owns itself. */
void arena_each_object(struct arena *a, void (*visit)(void *context, block_ref object), void *context);
/* Calls visit for each block that is not free. */
void arena_each_block(const struct arena *a, void (*visit)(void *context, block_ref block, owner_id owner),
                      void *context);
/* Number of blocks that are not free. For tests and counters. */
uint64_t arena_used(const struct arena *a);

/* How memory is used; exact while no other thread uses the arena. */
struct arena_figures {
  uint64_t bytes_max;
  uint64_t committed;   /* of the whole segment */
  uint64_t warm;        /* of these: free, and ready to be used for any size */
  uint64_t blocks;      /* blocks that are not free, */
  uint64_t block_bytes; /* and their bytes, as far as they are committed */
};
void arena_measure(const struct arena *a, struct arena_figures *out);
/* Aborts when an invariant does not hold. No other thread may use the arena. */
void arena_validate(const struct arena *a);

#endif
