/* SPDX-License-Identifier: MIT */
/* Typed arrays in the segment: the memory of a Value and of an Array.
 *
 * I1  Type and count never change. An element never tears: it is loaded and stored in one piece,
 *     with relaxed order. An order between elements needs a lock or a message, also within one bulk
 *     copy.
 * I2  A handle uses the shape that it read when it was made (struct array_view).
 * I3  `lock` names the RLock that belongs to the array (synchronizer_beside).
 *
 * No lock: atomics alone.
 */
#ifndef SHARED_TYPED_ARRAY_H
#define SHARED_TYPED_ARRAY_H

#include "shared/synchronizer.h"

enum element_class { ELEMENT_SIGNED, ELEMENT_UNSIGNED, ELEMENT_FLOAT, ELEMENT_CHAR };
struct array_element_type {
  const char *name;  /* "u8" */
  const char *codes; /* its type codes in Python's ctypes and array, on 64-bit Linux */
  uint32_t size;     /* bytes: 1, 2, 4, 8 */
  enum element_class class;
};
enum { ELEMENT_TYPES = 11 };
extern const struct array_element_type element_types[ELEMENT_TYPES];
/* The type with that name or type code; NULL: none. */
const struct array_element_type *element_type_called(const char *name);

struct typed_array {
  struct object object;
  uint32_t type; /* index of element_types */
  uint32_t size; /* of an element */
  uint64_t count;
  _Atomic object_ref lock;
  _Alignas(64) uint8_t data[];
};

/* A new array, zeroed, and held once by this process. STATUS_TOO_LARGE, -ENOMEM. */
MUST_CHECK status typed_array_make(const struct array_element_type *type, uint64_t count,
                                   struct typed_array **out);
/* Sets the destructor of typed arrays; once for each process, before the first is made. */
void typed_array_register_kind(void);
/* The shape of an array, which never changes, in private memory: a peer may write anything into the
 * array's own words later. Valid while the array is held. */
struct array_view {
  struct typed_array *array;
  const struct array_element_type *type;
  uint8_t *data;
  uint64_t count;
  uint32_t size; /* of an element */
};

/* Aborts if the array's words do not describe one that lies within the segment. */
struct array_view typed_array_view(struct typed_array *a);

/* Elements are bits in the low bytes of a word. `index` is below count. */
uint64_t typed_array_load(const struct array_view *a, uint64_t index);
/* One atomic step, not ordered with others. `index` from 0, in range; `bits` is the element as it
 * is in memory. */
void typed_array_store(const struct array_view *a, uint64_t index, uint64_t bits);
/* The bits before, in one atomic step. */
uint64_t typed_array_exchange(const struct array_view *a, uint64_t index, uint64_t bits);
/* False: the element was not *expected, which now is its value. */
bool typed_array_compare_exchange(const struct array_view *a, uint64_t index, uint64_t *expected,
                                  uint64_t bits);
/* Stores `bits` into the elements [first, first + count). */
void typed_array_fill(const struct array_view *a, uint64_t first, uint64_t count, uint64_t bits);

#endif
