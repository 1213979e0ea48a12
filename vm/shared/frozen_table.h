/* SPDX-License-Identifier: MIT */
/* A table that never changes, in the segment: all processes of the program read it in place.
 *
 * It is one object, written whole before it is published (frozen_builder.h). Nothing in it changes
 * afterwards, so readers need no lock. All tables that its root reaches are in it.
 *
 *     data    := 8 bytes that are unused | (string | shape | table) … | names
 *     string  := size u32 | bytes
 *     shape   := count u32 | log2 of the slots u32, 0: none | key u64 … | tag u8 … | slot u32 …
 *     table   := array count u32 | shape / 8 u32, 0: no pairs | length u64
 *                | value u64 … | tag u8 …
 *     names   := place of a string / 8 u32 …     a power of two of them, never full; 0: empty
 *
 * Each part begins at a multiple of 8. A *place* is the distance of a part from the data's start. The
 * values of a table are those of its array part, and then one for each key of its shape, in the order
 * of the keys. Tables with the same keys in the same order have one shape. A shape of many keys has
 * slots: 1 + the number of a key, open addressing.
 *
 * I1  Each string that is a key is in the data once as a key, and `names` leads to it. So a search
 *     compares places, and hashes a string once, by a keyed hash (base/siphash.h).
 * I2  A whole number that is a key is FROZEN_INTEGER, whatever the script wrote.
 *
 * Words read from the segment are checked before they are used, because a peer may have written
 * anything: a view and a reader are private copies of what was checked. A place that is no part reads
 * as some values, never outside of the data.
 */
#ifndef SHARED_FROZEN_TABLE_H
#define SHARED_FROZEN_TABLE_H

#include "base/siphash.h"
#include "shared/segment.h"

enum frozen_tag {
  FROZEN_NIL = 0,
  FROZEN_FALSE,
  FROZEN_TRUE,
  FROZEN_NULL, /* the light userdata NULL, which JSON libraries use for null */
  FROZEN_INTEGER,
  FROZEN_FLOAT,
  FROZEN_STRING, /* its bits are a place */
  FROZEN_TABLE,  /* likewise */
};

enum {
  FROZEN_LINEAR_MAX = 8, /* a shape of more keys has slots */
  FROZEN_LOG_MAX = 32,
  FROZEN_NONE = 0, /* no place */
  FROZEN_UNIT = 8, /* of places */
};

/* The data has at most FROZEN_UNIT * 2^32 bytes. */
#define FROZEN_BYTES_MAX (UINT64_C(8) << 32)

struct frozen_value {
  uint64_t bits; /* of the number; or a place */
  uint8_t tag;   /* enum frozen_tag */
};

struct frozen_table {
  struct object object;
  uint64_t size; /* of the data */
  uint64_t root; /* the place of a table */
  uint64_t names;
  uint64_t names_log;
  uint64_t tables; /* how many there are, for tostring */
  struct siphash_key hash_key;
  _Alignas(16) uint8_t data[];
};

/* What a process reads, in private memory. Valid while the object is held. */
struct frozen_view {
  struct frozen_table *table;
  const uint8_t *data;
  uint64_t size;
  uint64_t root;
  uint64_t tables;
  const uint32_t *names;
  uint64_t names_mask;
  struct siphash_key hash_key;
};

/* One table, in private memory. Its values have the numbers 0 … array_count + pair_count - 1. */
struct frozen_reader {
  uint64_t place;
  uint64_t length; /* what # gives */
  const uint64_t *bits;
  const uint8_t *tags;
  const uint64_t *keys;
  const uint8_t *key_tags;
  const uint32_t *slots; /* NULL: none */
  uint64_t slots_mask;
  uint32_t array_count;
  uint32_t pair_count;
};

struct frozen_text {
  const char *bytes;
  uint32_t size;
};

#define FROZEN_NOT_FOUND UINT64_MAX

/* Aborts if the object's words do not describe data that lies within the segment. */
struct frozen_view frozen_table_view(struct frozen_table *t);
/* The table at a place. False: there is no room for one within the data. */
MUST_CHECK bool frozen_view_read(const struct frozen_view *v, uint64_t place, struct frozen_reader *out);
/* The text of a string. Aborts if it is not within the data. */
struct frozen_text frozen_view_text(const struct frozen_view *v, uint64_t place);
/* The place of the key with these bytes; FROZEN_NONE: no table has such a key. */
uint64_t frozen_view_name(const struct frozen_view *v, const void *bytes, size_t size);

/* The hash of a key in a shape with slots. */
static inline uint64_t frozen_key_hash(const struct siphash_key *key, struct frozen_value of) {
  uint64_t x = (of.bits ^ key->words[0]) + of.tag;
  x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
  x = (x ^ x >> 32) * (key->words[1] | 1);
  return x ^ x >> 32;
}

static inline uint64_t frozen_reader_count(const struct frozen_reader *r) {
  return (uint64_t)r->array_count + r->pair_count;
}
/* `number` is below the count. */
static inline struct frozen_value frozen_reader_value(const struct frozen_reader *r, uint64_t number) {
  return (struct frozen_value){((const volatile uint64_t *)r->bits)[number],
                               ((const volatile uint8_t *)r->tags)[number]};
}
static inline struct frozen_value frozen_reader_key(const struct frozen_reader *r, uint64_t number) {
  if (number < r->array_count) return (struct frozen_value){number + 1, FROZEN_INTEGER};
  const uint64_t pair = number - r->array_count;
  return (struct frozen_value){((const volatile uint64_t *)r->keys)[pair],
                               ((const volatile uint8_t *)r->key_tags)[pair]};
}
/* The number of the key's value; FROZEN_NOT_FOUND. */
uint64_t frozen_reader_find(const struct frozen_view *v, const struct frozen_reader *r,
                            struct frozen_value key);

/* Aborts when an invariant does not hold. */
void frozen_table_validate(struct frozen_table *t);

#endif
