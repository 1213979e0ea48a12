/* SPDX-License-Identifier: MIT */
/* Blocks of shared memory with an owner, that a death at any instant cannot leak or tear.
 *
 * The region of each size class is an array of blocks, laid out once; address space is sparse, so a
 * block costs only the pages that were committed in it, and needs no splitting or merging.
 *
 *     block sizes  256 B, 1 KiB, 4 KiB, … ×4 …, 4 GiB     ARENA_CLASSES of them,
 *                                                         regions of equal size
 *
 * I1  Each block has one owner word; 0 is free. The word is the only state that names the
 *     owner of the block, and it changes by one atomic operation: there is no moment at which
 *     a block is half taken.
 * I2  An owner is a process (a process, shared/process_table.h) or an object (a ring, which holds
 *     messages). Cargo is marked in the same word. What a dead process owned is free after
 *     arena_reap; what an object owns dies with the object.
 * I3  `committed` never says more pages than there are: pages are committed before it is raised,
 *     and it is lowered before they go.
 *
 * How much is committed in all is not counted here, where a death could falsify it: the
 * kernel knows. Nothing here locks, and nothing here blocks. Hints (where to look first) may
 * be stale at no harm.
 */
#ifndef SHARED_ARENA_H
#define SHARED_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "os/mapping.h"

enum { ARENA_CLASSES = 13, ARENA_SMALLEST = 256, ARENA_FACTOR_SHIFT = 2 };

typedef uint64_t block_ref; /* offset from the start of the segment; 0: none; a multiple of ARENA_SMALLEST */
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
  uint64_t bytes_max;   /* that may be committed in the whole segment: the machine needs some memory, too */
  struct arena_class classes[ARENA_CLASSES];
};

/* Beside either kind of owner: the block is attachments (attachments.h), which is not freed before it is unloaded. */
#define OWNER_CARRIES UINT32_C(0x40000000)

/* An object's blocks carry the place of the object, so that one object never frees another's. */
static inline owner_id owner_of_object(block_ref object) { return 0x80000000u | (owner_id)(object >> 8); }
static inline owner_id owner_of_process(uint32_t slot, uint32_t generation) {
  return (slot + 1) | (generation & 0x3fffu) << 16;
}

/* Lays the arena out in m from offset `start`; the arena itself is in shared memory. No more than `bytes_max`
 * of the segment will be committed. */
void arena_init(struct arena *a, const struct mapping *m, uint64_t start, uint64_t bytes_max);

/* A block of at least `size` bytes with its first `size` bytes committed, owned by `owner`.
 * Contents are whatever they were. -ENOMEM: no memory, or no block of that size or a larger one
 * left; STATUS_TOO_LARGE: no class holds it. */
MUST_CHECK status arena_alloc(struct arena *a, const struct mapping *m, uint64_t size, owner_id owner,
                              block_ref *out);
/* The caller owns the block. */
void arena_free(struct arena *a, const struct mapping *m, block_ref block);
/* Ownership moves in one step; false: it was not `from`'s. */
bool arena_give(struct arena *a, const struct mapping *m, block_ref block, owner_id from, owner_id to);
owner_id arena_owner(const struct arena *a, const struct mapping *m, block_ref block);
uint64_t arena_block_size(const struct arena *a, block_ref block);
/* The caller owns the block: its first `size` bytes, no more than it has, are committed
 * afterwards. -ENOMEM. */
MUST_CHECK status arena_commit(struct arena *a, const struct mapping *m, block_ref block, uint64_t size);
/* How many bytes from the block's start are committed; its owner asks. */
uint64_t arena_committed(const struct arena *a, const struct mapping *m, block_ref block);
/* True for the start of a block that this arena has; safe for any value. */
bool arena_has(const struct arena *a, block_ref block);
/* Frees all that `dead` owned. Safe to run twice and at the same time. */
void arena_reap(struct arena *a, const struct mapping *m, owner_id dead);
/* Calls visit for each block whose owner is an object's own (the objects themselves). */
void arena_each_object(struct arena *a, const struct mapping *m,
                       void (*visit)(void *context, block_ref object), void *context);
/* Calls visit for each block that is not free. */
void arena_each_block(const struct arena *a, const struct mapping *m,
                      void (*visit)(void *context, block_ref block, owner_id owner), void *context);
/* How many blocks are not free. For tests and counters. */
uint64_t arena_used(const struct arena *a, const struct mapping *m);
/* Aborts when an invariant does not hold. Read only. */
void arena_validate(const struct arena *a, const struct mapping *m);

#endif
