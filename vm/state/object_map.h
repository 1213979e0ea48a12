/* SPDX-License-Identifier: MIT */
/* Which objects a message holds already, and at which offset: address -> offset, open addressing.
 *
 * In C memory, because a Lua table would cost an allocation per object and make work for
 * the collector. Emptied in constant time by counting generations: a slot of an older
 * generation is free.
 *
 * I1  A slot is in use when its generation is the map's.
 * I2  At most half of the slots are in use.
 *
 * An address stands for an object as long as the object lives: the encoder's values stay referenced
 * meanwhile. One owner, one thread.
 */
#ifndef STATE_OBJECT_MAP_H
#define STATE_OBJECT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct object_slot {
  const void *object;
  uint32_t offset;
  uint32_t generation;
};

struct object_map {
  struct object_slot *slots; /* NULL while capacity is 0 */
  size_t capacity;           /* a power of two */
  size_t count;
  uint32_t generation; /* never 0 while there are slots: fresh slots are zeroed */
};

static inline void object_map_init(struct object_map *m) { *m = (struct object_map){.generation = 1}; }
void object_map_fini(struct object_map *m);
/* Forgets everything, and gives back a table that a giant message made large. */
void object_map_clear(struct object_map *m);

/* Enters `object` at `offset` (not 0) unless it is there; *known is the offset it had, or 0.
 * -ENOMEM leaves everything as it was. */
MUST_CHECK status object_map_claim(struct object_map *m, const void *object, uint32_t offset,
                                   uint32_t *known);

/* Forgets the objects at `offset` and behind. -ENOMEM leaves everything as it was. */
MUST_CHECK status object_map_cut(struct object_map *m, uint32_t offset);

#endif
