/* SPDX-License-Identifier: MIT */
/* The types of the arena (arena.h): where it lies, its part in shared memory, owners and requests. */
#ifndef SHARED_ARENA_TYPES_H
#define SHARED_ARENA_TYPES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "os/mapping.h"
#include "os/robust_mutex.h"
#include "shared/accounts.h"

enum {
  ARENA_CLASSES = 45,
  ARENA_ORDERS = 25, /* runs of 1, 2, 4, … chunks */
  ARENA_CHUNK = 64 << 10,
  ARENA_SLAB_MAX = 64 << 10, /* larger blocks are runs */
  ARENA_OBJECT_UNIT = 1024,  /* objects start at a multiple of it */
  ARENA_LAST_FREED = 4,
  ARENA_SLACK =
      1 << 20, /* behind the last chunk: what begins in a chunk and is no longer ends inside the mapping */
};

typedef uint64_t block_ref; /* offset in the segment; 0: none */
typedef uint32_t owner_id;  /* 0: free; see owner_of_process and owner_of_object */

/* The part in shared memory; rank_arena but for the atomic words. */
struct arena_state {
  struct robust_mutex lock;
  uint64_t bytes_max;                      /* limit of the committed bytes of the whole segment */
  uint64_t reserve;                        /* of these, for ARENA_VITAL alone */
  _Atomic uint64_t table_chunks;           /* entries of the chunk table that are committed */
  _Atomic uint64_t high_water;             /* chunks at and above it were never used */
  _Atomic uint64_t warm_pages;             /* committed in free runs */
  uint32_t runs[ARENA_ORDERS];             /* first free run of each order: chunk + 1, or 0 */
  uint32_t slabs[ARENA_CLASSES];           /* first slab with free blocks, likewise */
  _Atomic uint32_t current[ARENA_CLASSES]; /* the slab that blocks are taken from, likewise */
  /* Blocks that were freed last: the next ones to take. */
  _Atomic uint64_t last_freed[ARENA_CLASSES][ARENA_LAST_FREED];
};

struct arena_chunk;

/* Where the parts of an arena lie: offsets, from the size of the mapping alone. */
struct arena_layout {
  uint64_t table;
  uint64_t control;
  uint64_t charges;
  uint64_t data;
  uint64_t chunks;
};
/* The part of this process: where everything lies, computed from the mapping alone. */
struct arena {
  const struct mapping *map;
  struct arena_state *state;
  struct arena_chunk *table;
  uint8_t *control;
  uint8_t *charges;
  struct accounts *accounts; /* NULL: blocks are not charged */
  uint64_t data;             /* offset of the first chunk */
  uint64_t chunks;           /* number of chunks */
  owner_id self;             /* the owner of a run while it changes its use */
};

enum arena_use {
  ARENA_DATA,  /* messages, records, arrays: fails while some memory is left, … */
  ARENA_VITAL, /* … which is for locks, workers, and the heads of queues and tables */
};

struct arena_request {
  uint64_t size; /* bytes to commit */
  uint64_t room; /* bytes of address space, at least `size`, or 0: to grow into with arena_commit */
  owner_id owner;
  enum arena_use use;
  struct account *account; /* is charged for the block; NULL: none */
  bool is_object;          /* starts at a multiple of ARENA_OBJECT_UNIT */
};

/* A flag beside either kind of owner: the block is attachments (attachments.h), which are unloaded
 * before the block is freed. */
#define OWNER_CARRIES UINT32_C(0x40000000)

/* The owner is an object. */
#define OWNER_OBJECT UINT32_C(0x80000000)

/* The owner of an object's blocks contains the object's offset, so that no object frees another
 * one's blocks. */
static inline owner_id owner_of_object(block_ref object) {
  return OWNER_OBJECT | (owner_id)(object / ARENA_OBJECT_UNIT);
}
static inline owner_id owner_of_process(uint32_t slot, uint32_t generation) {
  return (slot + 1) | (generation & 0x3fffu) << 16;
}
static inline block_ref owner_object(owner_id owner) {
  return (block_ref)(owner & 0x3fffffffu) * ARENA_OBJECT_UNIT;
}

/* True when [at, at + size) lies within the chunks that were ever used; safe for any value. */
static inline bool arena_contains(const struct arena *a, uint64_t at, uint64_t size) {
  const uint64_t high = atomic_load_explicit(&a->state->high_water, memory_order_relaxed);
  const uint64_t end = a->data + (high < a->chunks ? high : a->chunks) * ARENA_CHUNK;
  return at >= a->data && at <= end && size <= end - at;
}

#endif
