/* SPDX-License-Identifier: MIT */
/* Blocks of shared memory, each with an owner. The death of a process at any instant neither leaks
 * a block nor leaves it half taken.
 *
 * Each size class has a region: an array of blocks, laid out once. Address space is sparse, so a
 * block costs only the pages that were committed in it, and blocks are never split or merged.
 *
 *     block sizes  256 B, 1 KiB, 4 KiB, … ×4 …, 4 GiB     ARENA_CLASSES of them,
 *                                                         regions of equal size
 *
 * I1  Each block has one owner word; 0 is free. The word is the only state that names the owner of
 *     the block, and it changes by one atomic operation: no block is ever half taken.
 * I2  The owner is a process (shared/process_table.h) or an object (a ring, which owns its
 *     messages). A flag in the same word marks attachments. The blocks of a dead process are free
 *     after arena_reap; the blocks of an object are freed with the object.
 * I3  `committed` is never more than the pages that are committed: pages are committed before it
 *     rises, and decommitted after it falls.
 *
 * The arena does not count how much is committed in all, because a death could falsify the count;
 * the kernel knows it. No function here locks or blocks. The hints (where a search begins) may be
 * stale without harm.
 */
#ifndef SHARED_ARENA_H
#define SHARED_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "os/mapping.h"

enum { ARENA_CLASSES = 13, ARENA_SMALLEST = 256, ARENA_FACTOR_SHIFT = 2 };

typedef uint64_t block_ref; /* offset in the segment, a multiple of ARENA_SMALLEST; 0: none */
typedef uint32_t owner_id;  /* 0: free; see owner_of_process and owner_of_object */

struct arena_class {
  uint64_t block_size;
  uint64_t owners;    /* offset of count × owner word */
  uint64_t committed; /* offset of count × uint32_t, pages committed from the block's start */
  uint64_t count;
  _Atomic uint64_t first_free_hint;
  _Atomic uint64_t high_water; /* blocks at and above it were never used */
};
_Static_assert(sizeof(struct arena_class) == 48, "layout");

struct arena {
  uint64_t data;        /* offset of the first region */
  uint64_t region_size; /* of each class; a power of two */
  uint64_t bytes_max;   /* limit of the committed bytes of the whole segment */
  struct arena_class classes[ARENA_CLASSES];
};

/* A flag beside either kind of owner: the block is attachments (attachments.h), which are unloaded
 * before the block is freed. */
#define OWNER_CARRIES UINT32_C(0x40000000)

/* The owner of an object's blocks contains the object's offset, so that no object frees another
 * one's blocks. */
static inline owner_id owner_of_object(block_ref object) { return 0x80000000u | (owner_id)(object >> 8); }
/* The owner word of a block that belongs to the process in `slot`. */
static inline owner_id owner_of_process(uint32_t slot, uint32_t generation) {
  return (slot + 1) | (generation & 0x3fffu) << 16;
}

/* Lays out the arena in m from offset `start`; the arena itself is in shared memory. At most
 * `bytes_max` bytes of the segment will be committed. */
void arena_init(struct arena *a, const struct mapping *m, uint64_t start, uint64_t bytes_max);

/* A block of at least `size` bytes, owned by `owner`; its first `size` bytes are committed and not
 * initialised. -ENOMEM: no memory, or no free block of that size or larger; STATUS_TOO_LARGE:
 * larger than any class. */
MUST_CHECK status arena_alloc(struct arena *a, const struct mapping *m, uint64_t size, owner_id owner,
                              block_ref *out);
/* Frees a block that the caller owns. */
void arena_free(struct arena *a, const struct mapping *m, block_ref block);
/* Moves ownership in one step. False: `from` did not own the block; nothing changed. */
bool arena_give(struct arena *a, const struct mapping *m, block_ref block, owner_id from, owner_id to);
/* 0: the block is free. Another process may change it at any time, unless the caller owns the
 * block. */
owner_id arena_owner(const struct arena *a, const struct mapping *m, block_ref block);
/* In bytes: what fits, at least what was asked for. */
uint64_t arena_block_size(const struct arena *a, block_ref block);
/* Commits the block's first `size` bytes, at most the whole block. The caller owns the block.
 * -ENOMEM. */
MUST_CHECK status arena_commit(struct arena *a, const struct mapping *m, block_ref block, uint64_t size);
/* Number of bytes committed from the block's start. The caller owns the block. */
uint64_t arena_committed(const struct arena *a, const struct mapping *m, block_ref block);
/* The place of a block, given by its size class and its number in the class. */
block_ref arena_block_at(const struct arena *a, int class, uint64_t index);
/* True for the start of a block that was ever used; safe for any value. */
bool arena_has(const struct arena *a, block_ref block);
/* Frees all blocks that `dead` owned. Safe to run twice, and by several processes at once. */
void arena_reap(struct arena *a, const struct mapping *m, owner_id dead);
/* Calls visit for each object: a block that owns itself. */
void arena_each_object(struct arena *a, const struct mapping *m,
                       void (*visit)(void *context, block_ref object), void *context);
/* Calls visit for each block that is not free. */
void arena_each_block(const struct arena *a, const struct mapping *m,
                      void (*visit)(void *context, block_ref block, owner_id owner), void *context);
/* Number of blocks that are not free. For tests and counters. */
uint64_t arena_used(const struct arena *a, const struct mapping *m);
/* Aborts when an invariant does not hold. Read only. */
void arena_validate(const struct arena *a, const struct mapping *m);

#endif
