/* SPDX-License-Identifier: MIT */
#include "shared/frozen_table.h"

#include <string.h>

#include "base/check.h"

/* ---- parts ----------------------------------------------------------------------------------- */

static bool is_within(const struct frozen_view *v, uint64_t place, uint64_t size) {
  return place % FROZEN_UNIT == 0 && place > 0 && place <= v->size && size <= v->size - place;
}

static uint32_t read_u32(const void *at) { return *(const volatile uint32_t *)at; }
static uint64_t read_u64(const void *at) { return *(const volatile uint64_t *)at; }

static uint64_t shape_size(uint64_t count, uint32_t log) {
  const uint64_t keys = count * (sizeof(uint64_t) + 1);
  const uint64_t slots = log ? sizeof(uint32_t) << log : 0;
  return 8 + (keys + 3) / 4 * 4 + slots;
}

static bool read_shape(const struct frozen_view *v, uint64_t place, struct frozen_reader *out) {
  if (!is_within(v, place, 8)) return false;
  const uint8_t *shape = v->data + place;
  const uint64_t count = read_u32(shape);
  const uint32_t log = read_u32(shape + 4);
  if (log > FROZEN_LOG_MAX || !is_within(v, place, shape_size(count, log))) return false;
  out->pair_count = (uint32_t)count;
  out->keys = (const uint64_t *)(const void *)(shape + 8);
  out->key_tags = shape + 8 + count * sizeof(uint64_t);
  if (log == 0) return true;
  out->slots = (const uint32_t *)(const void *)(shape + 8 + (count * 9 + 3) / 4 * 4);
  out->slots_mask = (UINT64_C(1) << log) - 1;
  return true;
}

bool frozen_view_read(const struct frozen_view *v, uint64_t place, struct frozen_reader *out) {
  if (!is_within(v, place, 16)) return false;
  const uint8_t *table = v->data + place;
  struct frozen_reader r = {.place = place, .array_count = read_u32(table), .length = read_u64(table + 8)};
  r.keys =
      (const uint64_t *)(const void *)table; /* read where pair_count is above 0: read_shape has set them */
  r.key_tags = table;
  const uint64_t shape = (uint64_t)read_u32(table + 4) * FROZEN_UNIT;
  if (shape && !read_shape(v, shape, &r)) return false;
  const uint64_t count = frozen_reader_count(&r);
  if (!is_within(v, place, 16 + count * 9)) return false;
  r.bits = (const uint64_t *)(const void *)(table + 16);
  r.tags = table + 16 + count * sizeof(uint64_t);
  *out = r;
  return true;
}

struct frozen_text frozen_view_text(const struct frozen_view *v, uint64_t place) {
  CHECK(is_within(v, place, 4));
  const uint32_t size = read_u32(v->data + place);
  CHECK(is_within(v, place, 4 + (uint64_t)size));
  return (struct frozen_text){(const char *)v->data + place + 4, size};
}

/* ---- finding --------------------------------------------------------------------------------- */

uint64_t frozen_view_name(const struct frozen_view *v, const void *bytes, size_t size) {
  const uint64_t hash = siphash(&v->hash_key, bytes, size);
  for (uint64_t step = 0; step <= v->names_mask; step++) {
    const uint64_t place = (uint64_t)read_u32(v->names + ((hash + step) & v->names_mask)) * FROZEN_UNIT;
    if (place == FROZEN_NONE) return FROZEN_NONE;
    const struct frozen_text text = frozen_view_text(v, place);
    if (text.size == size && memcmp(text.bytes, bytes, size) == 0) return place;
  }
  return FROZEN_NONE;
}

static bool is_key(const struct frozen_reader *r, uint64_t pair, struct frozen_value key) {
  return r->keys[pair] == key.bits && r->key_tags[pair] == key.tag;
}

static uint64_t find_by_slots(const struct frozen_view *v, const struct frozen_reader *r,
                              struct frozen_value key) {
  const uint64_t hash = frozen_key_hash(&v->hash_key, key);
  for (uint64_t step = 0; step <= r->slots_mask; step++) {
    const uint64_t slot = read_u32(r->slots + ((hash + step) & r->slots_mask));
    if (slot == 0) return FROZEN_NOT_FOUND;
    CHECK(slot <= r->pair_count);
    if (is_key(r, slot - 1, key)) return r->array_count + slot - 1;
  }
  return FROZEN_NOT_FOUND;
}

uint64_t frozen_reader_find(const struct frozen_view *v, const struct frozen_reader *r,
                            struct frozen_value key) {
  if (key.tag == FROZEN_INTEGER && key.bits - 1 < r->array_count) return key.bits - 1;
  if (r->slots) return find_by_slots(v, r, key);
  for (uint64_t pair = 0; pair < r->pair_count; pair++)
    if (is_key(r, pair, key)) return r->array_count + pair;
  return FROZEN_NOT_FOUND;
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct frozen_view frozen_table_view(struct frozen_table *t) {
  const uint64_t size = read_u64(&t->size);
  const uint64_t names = read_u64(&t->names);
  const uint64_t log = read_u64(&t->names_log);
  CHECK(size <= FROZEN_BYTES_MAX && log <= FROZEN_LOG_MAX);
  struct frozen_view v = {.table = t,
                          .data = segment_bytes_at(segment_ref(t->data), size),
                          .size = size,
                          .root = read_u64(&t->root),
                          .tables = read_u64(&t->tables),
                          .names_mask = (UINT64_C(1) << log) - 1,
                          .hash_key = t->hash_key};
  CHECK(is_within(&v, names, sizeof(uint32_t) << log));
  v.names = (const uint32_t *)(const void *)(v.data + names);
  return v;
}

static void validate_value(const struct frozen_view *v, struct frozen_value value) {
  struct frozen_reader ignored;
  CHECK(value.tag <= FROZEN_TABLE);
  if (value.tag == FROZEN_STRING) (void)frozen_view_text(v, value.bits);
  if (value.tag == FROZEN_TABLE) CHECK(frozen_view_read(v, value.bits, &ignored));
}

/* Nested tables are not followed: they may lead back. */
static void validate_table(const struct frozen_view *v, uint64_t place) {
  struct frozen_reader r;
  CHECK(frozen_view_read(v, place, &r));
  for (uint64_t i = 0; i < frozen_reader_count(&r); i++) {
    const struct frozen_value key = frozen_reader_key(&r, i);
    validate_value(v, frozen_reader_value(&r, i));
    CHECK_EQ(frozen_reader_find(v, &r, key), i);
    if (key.tag != FROZEN_STRING) continue;
    const struct frozen_text text = frozen_view_text(v, key.bits);
    CHECK_EQ(frozen_view_name(v, text.bytes, text.size), key.bits);
  }
}

void frozen_table_validate(struct frozen_table *t) {
  const struct frozen_view v = frozen_table_view(t);
  struct frozen_reader root;
  validate_table(&v, v.root);
  CHECK(frozen_view_read(&v, v.root, &root));
  for (uint64_t i = 0; i < frozen_reader_count(&root); i++) {
    const struct frozen_value value = frozen_reader_value(&root, i);
    if (value.tag == FROZEN_TABLE) validate_table(&v, value.bits);
  }
}
