/* SPDX-License-Identifier: MIT */
#include "shared/typed_array.h"

#include <string.h>

#include "base/check.h"

const struct array_element_type element_types[ELEMENT_TYPES] = {
    {"i8", "b", 1, ELEMENT_SIGNED},    {"u8", "B", 1, ELEMENT_UNSIGNED},   {"i16", "h", 2, ELEMENT_SIGNED},
    {"u16", "H", 2, ELEMENT_UNSIGNED}, {"i32", "i", 4, ELEMENT_SIGNED},    {"u32", "I", 4, ELEMENT_UNSIGNED},
    {"i64", "lq", 8, ELEMENT_SIGNED},  {"u64", "LQ", 8, ELEMENT_UNSIGNED}, {"f32", "f", 4, ELEMENT_FLOAT},
    {"f64", "d", 8, ELEMENT_FLOAT},    {"char", "c", 1, ELEMENT_CHAR},
};

const struct array_element_type *element_type_called(const char *name) {
  for (size_t i = 0; i < ELEMENT_TYPES; i++) {
    const struct array_element_type *t = &element_types[i];
    if (strcmp(t->name, name) == 0 || (name[0] && !name[1] && strchr(t->codes, name[0]))) return t;
  }
  return NULL;
}

/* ---- making ---------------------------------------------------------------------------------- */

status typed_array_make(const struct array_element_type *type, uint64_t count, struct typed_array **out) {
  if (count > (UINT64_MAX - sizeof(struct typed_array)) / type->size) return STATUS_TOO_LARGE;
  struct object *object = NULL;
  const status st =
      segment_make_object(OBJECT_TYPED_ARRAY, sizeof(struct typed_array) + count * type->size, &object);
  if (st) return st;
  struct typed_array *a = (struct typed_array *)(void *)object;
  a->type = (uint32_t)(type - element_types);
  a->size = type->size;
  a->count = count;
  atomic_store(&a->lock, 0);
  memset(a->data, 0, count * type->size);
  segment_publish(object);
  *out = a;
  return STATUS_OK;
}

struct array_view typed_array_view(struct typed_array *a) {
  const uint32_t type = *(const volatile uint32_t *)&a->type;
  const uint64_t count = *(const volatile uint64_t *)&a->count;
  CHECK(type < ELEMENT_TYPES);
  const struct array_element_type *element = &element_types[type];
  CHECK(count <= UINT64_MAX / element->size);
  uint8_t *data = segment_bytes_at(segment_ref(a->data), count * element->size);
  return (struct array_view){a, element, data, count, element->size};
}

static void destroy(struct object *object) {
  struct typed_array *a = (struct typed_array *)(void *)object;
  synchronizer_leave_beside(&a->lock);
}

void typed_array_register_kind(void) { segment_set_destructor(OBJECT_TYPED_ARRAY, destroy); }

/* ---- elements -------------------------------------------------------------------------------- */

/* Runs BODY with T the unsigned type of the element's size, and `at` the element's address. */
#define BY_SIZE(m, index, BODY)                \
  switch ((m)->size) {                         \
    case 1: BY_TYPE(uint8_t, m, index, BODY)   \
    case 2: BY_TYPE(uint16_t, m, index, BODY)  \
    case 4: BY_TYPE(uint32_t, m, index, BODY)  \
    default: BY_TYPE(uint64_t, m, index, BODY) \
  }
#define BY_TYPE(type, m, index, BODY)                              \
  {                                                                \
    typedef type T;                                                \
    _Atomic T *at = (_Atomic T *)(uintptr_t)((m)->data) + (index); \
    BODY                                                           \
  }

uint64_t typed_array_load(const struct array_view *a, uint64_t index) {
  BY_SIZE(a, index, return atomic_load_explicit(at, memory_order_relaxed);)
}

void typed_array_store(const struct array_view *a, uint64_t index, uint64_t bits) {
  BY_SIZE(a, index, atomic_store_explicit(at, (T)bits, memory_order_relaxed); return;)
}

uint64_t typed_array_exchange(const struct array_view *a, uint64_t index, uint64_t bits) {
  BY_SIZE(a, index, return atomic_exchange(at, (T)bits);)
}

bool typed_array_compare_exchange(const struct array_view *a, uint64_t index, uint64_t *expected,
                                  uint64_t bits) {
  BY_SIZE(a, index, {
    T seen = (T)*expected;
    const bool is_done = atomic_compare_exchange_strong(at, &seen, (T)bits);
    *expected = seen;
    return is_done;
  })
}

void typed_array_fill(const struct array_view *a, uint64_t first, uint64_t count, uint64_t bits) {
  if (a->size == 1) {
    memset(a->data + first, (int)(bits & 0xff), count);
    return;
  }
  BY_SIZE(a, first, {
    for (uint64_t i = 0; i < count; i++) atomic_store_explicit(at + i, (T)bits, memory_order_relaxed);
    return;
  })
}
