/* SPDX-License-Identifier: MIT */
/* The objects that a message contains already: a hash table address -> offset, open addressing.
 *
 * It is in C memory, because a Lua table would cost an allocation for each object and make work for
 * the collector. Counting generations empties it in constant time: a slot of an older generation is
 * free.
 *
 * I1  A slot is in use if its generation is that of the map.
 * I2  At most half of the slots are in use.
 *
 * An address identifies an object only while the object lives; the encoder's values stay referenced
 * until the message is finished. One owner, one thread.
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
  uint32_t generation; /* never 0 while there are slots, because new slots are zeroed */
};

static inline void object_map_init(struct object_map *m) { *m = (struct object_map){.generation = 1}; }
/* It is empty afterwards, and may be used again. */
void object_map_fini(struct object_map *m);
/* Removes all objects. Frees a table that one large message made large. */
void object_map_clear(struct object_map *m);

/* Enters `object` at `offset` (not 0) unless it is in the map at `since` or behind it; *known is its
 * offset there, or 0 if it was entered. -ENOMEM: the map is unchanged. */
MUST_CHECK status object_map_claim(struct object_map *m, const void *object, uint32_t offset, uint32_t since,
                                   uint32_t *known);

/* Removes the objects at `offset` and behind it. -ENOMEM: the map is unchanged. */
MUST_CHECK status object_map_cut(struct object_map *m, uint32_t offset);

#endif
