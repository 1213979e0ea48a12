/* SPDX-License-Identifier: MIT */
/* Writes the data of a frozen table (frozen_table.h) in private memory, and then makes the object.
 *
 * A table is reserved first and gets its values later, so a value may be a table that is reserved and
 * not complete, or the table itself. All functions: -ENOMEM, or STATUS_TOO_LARGE beyond 32 GiB, and
 * nothing changed.
 *
 * One owner, one thread. Until frozen_builder_finish nothing is in the segment, so a death leaves
 * nothing.
 */
#ifndef SHARED_FROZEN_BUILDER_H
#define SHARED_FROZEN_BUILDER_H

#include "base/bytes.h"
#include "shared/frozen_table.h"

/* A set of places in `out` by the hash of what is there. */
struct frozen_index {
  uint32_t *slots; /* place / 8; 0: empty. At most half of them are used. NULL while `log` is 0 */
  unsigned log;
  uint64_t count;
};

struct frozen_builder {
  struct bytes out;
  struct frozen_index names;
  struct frozen_index shapes;
  struct siphash_key hash_key;
  uint64_t tables;
};

MUST_CHECK status frozen_builder_init(struct frozen_builder *b);
void frozen_builder_fini(struct frozen_builder *b);
/* A string as a value. */
MUST_CHECK status frozen_builder_text(struct frozen_builder *b, const void *bytes, size_t size,
                                      uint64_t *place);
/* A string as a key: the same place for the same bytes. */
MUST_CHECK status frozen_builder_name(struct frozen_builder *b, const void *bytes, size_t size,
                                      uint64_t *place);
/* A table with so many elements and these keys, which are different from each other and from the
 * elements' indices. All its values are nil. */
struct frozen_outline {
  uint64_t length; /* what # is to give */
  uint32_t array_count;
  uint32_t key_count;
  const struct frozen_value *keys;
};
MUST_CHECK status frozen_builder_table(struct frozen_builder *b, const struct frozen_outline *outline,
                                       uint64_t *place);
/* The key of pair `number`, from 0, of the reserved table at `place`. */
struct frozen_value frozen_builder_key(const struct frozen_builder *b, uint64_t place, uint32_t number);
/* Sets value `number` of the reserved table at `place`, whose count of values is `count`. */
void frozen_builder_set(struct frozen_builder *b, uint64_t place, uint64_t count, uint64_t number,
                        struct frozen_value value);
/* How many bytes the object will have. */
uint64_t frozen_builder_size(const struct frozen_builder *b);
/* The object, held once by this process. It may be tried again after -ENOMEM. */
MUST_CHECK status frozen_builder_finish(struct frozen_builder *b, uint64_t root, struct frozen_table **out);

#endif
