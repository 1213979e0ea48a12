/* SPDX-License-Identifier: MIT */
/* Typed memory in the segment: what a Value and an Array are made of.
 *
 * I1  Type and count never change. An element never tears: it is loaded and stored in one piece,
 *     relaxed; an order between elements needs a lock, or a message. Copying many at once promises
 *     no more.
 * I2  `lock` names the RLock that belongs to it (sync_beside).
 *
 * No lock: atomics alone.
 */
#ifndef SHARED_TYPED_ARRAY_H
#define SHARED_TYPED_ARRAY_H

#include "shared/synchronizer.h"

enum element_class { ELEMENT_SIGNED, ELEMENT_UNSIGNED, ELEMENT_FLOAT };
struct array_element_type {
  const char *name;    /* "u8" */
  const char *records; /* what ctypes and Python's array call it, on 64-bit Linux */
  uint32_t size;       /* bytes: 1, 2, 4, 8 */
  enum element_class class;
};
enum { ELEMENT_TYPES = 10 };
extern const struct array_element_type element_types[ELEMENT_TYPES];
/* By name or letter; NULL: there is none. */
const struct array_element_type *element_type_called(const char *name);

struct typed_array {
  struct object object;
  uint32_t type; /* index of element_types */
  uint32_t size; /* of an element */
  uint64_t count;
  _Atomic object_ref lock;
  _Alignas(64) uint8_t data[];
};

/* Zeroed, and held once by this process. STATUS_TOO_LARGE, -ENOMEM. */
MUST_CHECK status typed_array_make(const struct array_element_type *type, uint64_t count,
                                   struct typed_array **out);
void typed_array_register_kind(void);
static inline const struct array_element_type *typed_array_type(const struct typed_array *m) {
  return &element_types[m->type];
}

/* Elements as bits, in the low bytes; `index` from 0, and below count. */
uint64_t typed_array_load(const struct typed_array *m, uint64_t index);
void typed_array_store(struct typed_array *m, uint64_t index, uint64_t bits);
uint64_t typed_array_exchange(struct typed_array *m, uint64_t index, uint64_t bits);
/* False: it is not *expected, but what is there now. */
bool typed_array_compare_exchange(struct typed_array *m, uint64_t index, uint64_t *expected, uint64_t bits);
/* Elements [first, first + count), all the same. */
void typed_array_fill(struct typed_array *m, uint64_t first, uint64_t count, uint64_t bits);

#endif
