/* SPDX-License-Identifier: MIT */
/* The parts behind the arena, for arena.c, arena_runs.c and arena_slabs.c alone.
 *
 *     arena_runs.c   runs of chunks: lists, splitting, merging; the lock and its repair
 *     arena_slabs.c  slabs: taking and freeing blocks, making and ending slabs
 *     arena.c        the arena as others see it; committing pages and giving them back
 *
 * Each reads the words of shared memory that it uses as indices through chunk_entry, which checks
 * them.
 */
#ifndef SHARED_ARENA_PRIVATE_H
#define SHARED_ARENA_PRIVATE_H

#include "base/check.h"
#include "shared/arena_types.h"
#include "sync/lock_rank.h"

enum { PAGE = 4096, CHUNK_PAGES = ARENA_CHUNK / PAGE };

/* What begins at a chunk. Nothing begins inside a run, free or not. */
enum chunk_kind {
  CHUNK_NONE = 0,
  CHUNK_FREE = 1,      /* a free run, in the list of its order */
  CHUNK_SLAB = 2,      /* a slab of a class */
  CHUNK_SLAB_PART = 3, /* a later chunk of a slab of a class */
  CHUNK_RUN = 4,       /* a run of an order, which is a block, unless its owner is 0 */
};

enum control_pages { CONTROL_PAGE = 1, CHARGE_PAGE = 2 };
enum slab_place { SLAB_IS_FULL = 0, SLAB_IS_LISTED = 1, SLAB_IS_CURRENT = 2 };

struct arena_chunk {
  _Atomic uint32_t state;       /* enum chunk_kind | order or class << 8 */
  _Atomic uint32_t owner;       /* CHUNK_RUN: the owner word */
  _Atomic uint32_t committed;   /* pages of this chunk, from its start */
  _Atomic uint32_t place;       /* CHUNK_SLAB: enum slab_place; changes under rank_arena. A run that is
                                 * charged: the pages of the charge */
  uint32_t next;                /* in the list of runs or slabs: chunk + 1, or 0; rank_arena */
  uint32_t previous;            /* likewise */
  _Atomic uint32_t has_control; /* CONTROL_PAGES that are committed; 0 only while a process owns the run */
  _Atomic uint32_t charge;      /* CHUNK_RUN: the charge_mark of the block */
};
_Static_assert(sizeof(struct arena_chunk) == 32, "layout");

enum { SLAB_BLOCKS_MAX = 992, SLAB_WORDS = 16 };

/* The control page of a slab. */
struct arena_control {
  _Atomic uint64_t free[SLAB_WORDS];        /* a bit for each block that may be free (I4) */
  _Atomic uint32_t owners[SLAB_BLOCKS_MAX]; /* 0, free_word, or the owner (I1) */
};
_Static_assert(sizeof(struct arena_control) == PAGE, "layout");

/* The charge page of a slab that has, or had, a block that is charged. */
struct arena_charges {
  _Atomic uint32_t marks[SLAB_BLOCKS_MAX]; /* charge_mark; 0 while the block is free */
};
_Static_assert(sizeof(struct arena_charges) <= PAGE, "layout");

/* No owner has a word like it: its lower half is 0. */
static inline uint32_t free_word(unsigned class) { return (class + 1) << 16; }
static inline bool is_owner(uint32_t word) { return (word & 0x8000ffffu) != 0; }

static inline uint32_t state_word(enum chunk_kind kind, unsigned detail) {
  return (uint32_t)kind | detail << 8;
}
static inline enum chunk_kind state_kind(uint32_t state) { return (enum chunk_kind)(state & 0xff); }
static inline unsigned state_detail(uint32_t state) { return state >> 8; }

static inline struct arena_chunk *chunk_entry(const struct arena *a, uint64_t chunk) {
  CHECK(chunk < a->chunks);
  return a->table + chunk;
}
static inline struct arena_control *chunk_control(const struct arena *a, uint64_t chunk) {
  CHECK(chunk < a->chunks);
  return (struct arena_control *)(void *)(a->control + chunk * PAGE);
}
static inline struct arena_charges *chunk_charges(const struct arena *a, uint64_t chunk) {
  CHECK(chunk < a->chunks);
  return (struct arena_charges *)(void *)(a->charges + chunk * PAGE);
}
static inline block_ref chunk_block(const struct arena *a, uint64_t chunk) {
  return a->data + chunk * ARENA_CHUNK;
}
static inline uint64_t chunk_count_used(const struct arena *a) {
  const uint64_t high = atomic_load(&a->state->high_water);
  CHECK(high <= a->chunks);
  return high;
}

/* ---- sizes of slabs -------------------------------------------------------------------------- */

struct arena_class {
  uint32_t size;
  uint32_t blocks;  /* of a slab */
  uint32_t order;   /* of a slab's chunks */
  uint32_t inverse; /* 2^32 / size, rounded up */
};
extern const struct arena_class arena_classes[ARENA_CLASSES];

static inline uint32_t class_size(unsigned class) { return arena_classes[class].size; }
static inline unsigned class_order(unsigned class) { return arena_classes[class].order; }
static inline uint32_t class_blocks(unsigned class) { return arena_classes[class].blocks; }
/* The number of the block that starts so many bytes behind the slab's start; of bytes inside a
 * block, its number or the next one. */
static inline uint32_t class_index(unsigned class, uint32_t offset) {
  return (uint32_t)((uint64_t)offset * arena_classes[class].inverse >> 32);
}
/* The class of the smallest blocks of `size` bytes, which is at most ARENA_SLAB_MAX. */
static inline unsigned class_of_size(uint64_t size) {
  if (size <= 64) return 0;
  if (size <= 256) return (unsigned)(size - 64 + 15) / 16;
  const unsigned log = 63 - (unsigned)__builtin_clzll(size - 1); /* 2^log < size <= 2^(log + 1) */
  return 13 + (log - 8) * 4 + (unsigned)((size - 1) >> (log - 2) & 3);
}
/* Objects are in slabs whose blocks all start at a multiple of their unit. */
static inline bool class_has_objects(unsigned class) { return class_size(class) % ARENA_OBJECT_UNIT == 0; }

/* ---- the lock and runs (arena_runs.c) -------------------------------------------------------- */

/* Takes rank_arena; after the death of its holder it rebuilds lists and counts first (I4). */
void arena_lock(struct arena *a) ACQUIRES(rank_arena);
void arena_unlock(struct arena *a) RELEASES(rank_arena);
/* Number of chunks from `chunk` on that belong to what begins there: 1 where nothing begins. */
uint64_t chunk_span(const struct arena *a, uint64_t chunk);
/* Pages committed in these chunks. */
uint64_t chunk_pages(const struct arena *a, uint64_t chunk, uint64_t count);
/* A run of 2^order chunks, owned by `owner`. STATUS_FULL: there is none; -ENOMEM. */
MUST_CHECK status run_take(struct arena *a, unsigned order, owner_id owner, enum arena_use use,
                           uint64_t *out);
/* Frees a run that this process owns. */
void run_free(struct arena *a, uint64_t chunk);
/* Gives the memory of one free run back to the system. False: none has memory. *cursor is 0 at
 * first. */
bool run_cool_next(struct arena *a, uint64_t *cursor);

/* Adds a chunk to a list of chunks, and removes it. */
void chunk_list_push(const struct arena *a, uint32_t *head, uint64_t chunk);
void chunk_list_remove(const struct arena *a, uint32_t *head, uint64_t chunk);

/* ---- slabs (arena_slabs.c) ------------------------------------------------------------------- */

/* A block of the class. STATUS_FULL, -ENOMEM: as run_take. */
MUST_CHECK status slab_take(struct arena *a, unsigned class, owner_id owner, enum arena_use use,
                            block_ref *out);
/* The block, which has no owner any more, is the next one to be taken. */
void slab_offer(struct arena *a, uint64_t chunk, unsigned class, uint32_t index);
/* Makes runs of the slabs that have no blocks and are kept because blocks are taken from them. */
void slab_end_unused(struct arena *a);
/* Under rank_arena, after the death of its holder: completes the owner words and the bitmap, and
 * lists the slab. */
void slab_rebuild(struct arena *a, uint64_t chunk, unsigned class);
/* Frees the blocks of a dead process, and sets the bits that it had cleared. */
void slab_reap(struct arena *a, uint64_t chunk, unsigned class, owner_id dead);

/* Commits the pages of control and charges of the slab that begins, or is to begin, at the chunk.
 * -ENOMEM. */
MUST_CHECK status slab_commit_pages(struct arena *a, uint64_t chunk, enum control_pages which,
                                    enum arena_use use);

/* ---- charges (arena_charges.c) --------------------------------------------------------------- */

/* Where a block is. */
struct place {
  uint64_t chunk;
  bool is_run;
  unsigned detail; /* order of a run, class of a slab's block */
  uint32_t index;  /* in the slab */
  _Atomic uint32_t *owner;
};

/* Whether the block may have a charge. */
static inline bool place_may_be_charged(const struct arena *a, const struct place *p) {
  const struct arena_chunk *entry = chunk_entry(a, p->chunk);
  if (p->is_run) return atomic_load_explicit(&entry->charge, memory_order_relaxed) != 0;
  return (atomic_load_explicit(&entry->has_control, memory_order_relaxed) & CHARGE_PAGE) != 0;
}
/* Notes that `bytes`, which were charged, are those of a block that this process owns. -ENOMEM:
 * nothing is noted. */
MUST_CHECK status place_note_charge(struct arena *a, const struct place *p, charge_mark mark, uint64_t bytes);
/* Credits the charge of a block that this process owns, if it has one. */
void place_credit(struct arena *a, const struct place *p);
/* Charges a run for `bytes` in all instead of less, if it is charged to the account. -ENOMEM. */
MUST_CHECK status place_charge_more(struct arena *a, const struct place *p, struct account *account,
                                    uint64_t bytes);

/* ---- pages (arena.c) ------------------------------------------------------------------------- */

/* Commits pages of the mapping within the limit of the use. -ENOMEM. */
MUST_CHECK status arena_commit_pages(struct arena *a, uint64_t offset, uint64_t size, enum arena_use use);

#endif
