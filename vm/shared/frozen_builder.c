/* SPDX-License-Identifier: MIT */
#include "shared/frozen_builder.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/crypto.h"
#include "shared/holds.h"

enum { FIRST_LOG = 4 };

/* ---- writing --------------------------------------------------------------------------------- */

/* Appends `size` zeroed bytes, and what is missing to a multiple of FROZEN_UNIT. */
static status reserve(struct frozen_builder *b, uint64_t size, uint64_t *place) {
  const uint64_t whole = (size + FROZEN_UNIT - 1) / FROZEN_UNIT * FROZEN_UNIT;
  if (whole > FROZEN_BYTES_MAX - b->out.len) return STATUS_TOO_LARGE;
  const status st = bytes_reserve(&b->out, whole);
  if (st) return st;
  memset(b->out.data + b->out.len, 0, whole);
  *place = b->out.len;
  b->out.len += whole;
  return STATUS_OK;
}

static void put_u32(struct frozen_builder *b, uint64_t at, uint32_t value) {
  memcpy(b->out.data + at, &value, sizeof value);
}
static void put_u64(struct frozen_builder *b, uint64_t at, uint64_t value) {
  memcpy(b->out.data + at, &value, sizeof value);
}
static uint32_t get_u32(const struct frozen_builder *b, uint64_t at) {
  uint32_t value = 0;
  memcpy(&value, b->out.data + at, sizeof value);
  return value;
}
static uint64_t get_u64(const struct frozen_builder *b, uint64_t at) {
  uint64_t value = 0;
  memcpy(&value, b->out.data + at, sizeof value);
  return value;
}

/* ---- indices --------------------------------------------------------------------------------- */

typedef uint64_t (*hash_at)(const struct frozen_builder *b, uint64_t place);

static void enter(struct frozen_index *index, uint64_t hash, uint32_t unit) {
  const uint64_t mask = (UINT64_C(1) << index->log) - 1;
  uint64_t i = hash & mask;
  while (index->slots[i]) i = (i + 1) & mask;
  index->slots[i] = unit;
}

/* Makes room for one more. */
static status make_room(const struct frozen_builder *b, struct frozen_index *index, hash_at hash_of) {
  if (index->log && 2 * (index->count + 1) <= UINT64_C(1) << index->log) return STATUS_OK;
  struct frozen_index larger = {.log = index->log ? index->log + 1 : FIRST_LOG, .count = index->count};
  if (larger.log > FROZEN_LOG_MAX) return STATUS_TOO_LARGE;
  larger.slots = memory_alloc(sizeof(uint32_t) << larger.log);
  if (!larger.slots) return -ENOMEM;
  memset(larger.slots, 0, sizeof(uint32_t) << larger.log);
  for (uint64_t i = 0; index->log && i < UINT64_C(1) << index->log; i++) {
    const uint32_t unit = index->slots[i];
    if (unit) enter(&larger, hash_of(b, (uint64_t)unit * FROZEN_UNIT), unit);
  }
  memory_free(index->slots);
  *index = larger;
  return STATUS_OK;
}

/* ---- strings --------------------------------------------------------------------------------- */

status frozen_builder_text(struct frozen_builder *b, const void *bytes, size_t size, uint64_t *place) {
  if (size > UINT32_MAX) return STATUS_TOO_LARGE;
  const status st = reserve(b, 4 + size, place);
  if (st) return st;
  put_u32(b, *place, (uint32_t)size);
  if (size) memcpy(b->out.data + *place + 4, bytes, size);
  return STATUS_OK;
}

static uint64_t hash_of_text(const struct frozen_builder *b, uint64_t place) {
  return siphash(&b->hash_key, b->out.data + place + 4, get_u32(b, place));
}

status frozen_builder_name(struct frozen_builder *b, const void *bytes, size_t size, uint64_t *place) {
  status st = make_room(b, &b->names, hash_of_text);
  if (st) return st;
  const uint64_t mask = (UINT64_C(1) << b->names.log) - 1;
  uint64_t i = siphash(&b->hash_key, bytes, size) & mask;
  for (; b->names.slots[i]; i = (i + 1) & mask) {
    const uint64_t at = (uint64_t)b->names.slots[i] * FROZEN_UNIT;
    if (get_u32(b, at) != size || memcmp(b->out.data + at + 4, bytes, size) != 0) continue;
    *place = at;
    return STATUS_OK;
  }
  st = frozen_builder_text(b, bytes, size, place);
  if (st) return st;
  b->names.slots[i] = (uint32_t)(*place / FROZEN_UNIT);
  b->names.count++;
  return STATUS_OK;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static uint64_t hash_of_keys(const struct frozen_builder *b, const uint8_t *bits, const uint8_t *tags,
                             uint32_t count) {
  uint64_t hash = count;
  for (uint32_t i = 0; i < count; i++) {
    struct frozen_value key = {.tag = tags[i]};
    memcpy(&key.bits, bits + 8 * (uint64_t)i, 8);
    key.bits ^= hash;
    hash = frozen_key_hash(&b->hash_key, key);
  }
  return hash;
}

static uint64_t hash_of_shape(const struct frozen_builder *b, uint64_t place) {
  const uint32_t count = get_u32(b, place);
  const uint8_t *keys = b->out.data + place + 8;
  return hash_of_keys(b, keys, keys + 8 * (uint64_t)count, count);
}

static unsigned slots_log(uint32_t count) {
  unsigned log = 0;
  if (count <= FROZEN_LINEAR_MAX) return 0;
  while (UINT64_C(1) << log < 2 * (uint64_t)count) log++;
  return log;
}

static uint64_t slots_start(uint64_t place, uint32_t count) {
  return place + 8 + ((uint64_t)count * 9 + 3) / 4 * 4;
}

static void fill_slots(struct frozen_builder *b, uint64_t place, uint32_t count, unsigned log) {
  const uint64_t start = slots_start(place, count);
  const uint64_t mask = (UINT64_C(1) << log) - 1;
  for (uint32_t i = 0; i < count; i++) {
    const struct frozen_value key = {get_u64(b, place + 8 + 8 * (uint64_t)i),
                                     b->out.data[place + 8 + 8 * (uint64_t)count + i]};
    uint64_t slot = frozen_key_hash(&b->hash_key, key) & mask;
    while (get_u32(b, start + 4 * slot)) slot = (slot + 1) & mask;
    put_u32(b, start + 4 * slot, i + 1);
  }
}

/* Writes the shape of the keys, without its slots. */
static status write_shape(struct frozen_builder *b, const struct frozen_outline *o, unsigned log,
                          uint64_t *place) {
  const uint64_t slots = log ? sizeof(uint32_t) << log : 0;
  const status st = reserve(b, slots_start(0, o->key_count) + slots, place);
  if (st) return st;
  put_u32(b, *place, o->key_count);
  put_u32(b, *place + 4, log);
  for (uint32_t i = 0; i < o->key_count; i++) {
    put_u64(b, *place + 8 + 8 * (uint64_t)i, o->keys[i].bits);
    b->out.data[*place + 8 + 8 * (uint64_t)o->key_count + i] = o->keys[i].tag;
  }
  return STATUS_OK;
}

static bool is_same_shape(const struct frozen_builder *b, uint64_t one, uint64_t other) {
  const uint32_t count = get_u32(b, one);
  return count == get_u32(b, other) &&
         memcmp(b->out.data + one + 8, b->out.data + other + 8, 9 * (size_t)count) == 0;
}

/* The place of the shape of the keys: that of an earlier one, if there is one. */
static status settle_shape(struct frozen_builder *b, const struct frozen_outline *o, uint64_t *place) {
  const size_t start = b->out.len;
  const unsigned log = slots_log(o->key_count);
  status st = make_room(b, &b->shapes, hash_of_shape);
  if (st == STATUS_OK) st = write_shape(b, o, log, place);
  if (st) return st;
  const uint64_t mask = (UINT64_C(1) << b->shapes.log) - 1;
  uint64_t i = hash_of_shape(b, *place) & mask;
  for (; b->shapes.slots[i]; i = (i + 1) & mask) {
    const uint64_t at = (uint64_t)b->shapes.slots[i] * FROZEN_UNIT;
    if (!is_same_shape(b, at, *place)) continue;
    b->out.len = start;
    *place = at;
    return STATUS_OK;
  }
  b->shapes.slots[i] = (uint32_t)(*place / FROZEN_UNIT);
  b->shapes.count++;
  if (log) fill_slots(b, *place, o->key_count, log);
  return STATUS_OK;
}

/* ---- tables ---------------------------------------------------------------------------------- */

status frozen_builder_table(struct frozen_builder *b, const struct frozen_outline *o, uint64_t *place) {
  uint64_t shape = FROZEN_NONE;
  status st = o->key_count ? settle_shape(b, o, &shape) : STATUS_OK;
  if (st == STATUS_OK) st = reserve(b, 16 + 9 * ((uint64_t)o->array_count + o->key_count), place);
  if (st) return st;
  put_u32(b, *place, o->array_count);
  put_u32(b, *place + 4, (uint32_t)(shape / FROZEN_UNIT));
  put_u64(b, *place + 8, o->length);
  b->tables++;
  return STATUS_OK;
}

struct frozen_value frozen_builder_key(const struct frozen_builder *b, uint64_t place, uint32_t number) {
  const uint64_t shape = (uint64_t)get_u32(b, place + 4) * FROZEN_UNIT;
  const uint32_t count = get_u32(b, shape);
  CHECK(number < count);
  return (struct frozen_value){get_u64(b, shape + 8 + 8 * (uint64_t)number),
                               b->out.data[shape + 8 + 8 * (uint64_t)count + number]};
}

void frozen_builder_set(struct frozen_builder *b, uint64_t place, uint64_t count, uint64_t number,
                        struct frozen_value value) {
  CHECK(number < count);
  put_u64(b, place + 16 + 8 * number, value.bits);
  b->out.data[place + 16 + 8 * count + number] = value.tag;
}

/* ---- the beginning and the end --------------------------------------------------------------- */

status frozen_builder_init(struct frozen_builder *b) {
  uint64_t unused = 0;
  *b = (struct frozen_builder){0};
  bytes_init(&b->out);
  const status st = crypto_random(&b->hash_key, sizeof b->hash_key);
  return st ? st : reserve(b, FROZEN_UNIT, &unused);
}

void frozen_builder_fini(struct frozen_builder *b) {
  memory_free(b->names.slots);
  memory_free(b->shapes.slots);
  bytes_fini(&b->out);
}

/* Without names there is one slot, which is empty. */
static uint64_t names_size(const struct frozen_builder *b) { return sizeof(uint32_t) << b->names.log; }

static uint64_t data_size(const struct frozen_builder *b) {
  return b->out.len + (names_size(b) + FROZEN_UNIT - 1) / FROZEN_UNIT * FROZEN_UNIT;
}

uint64_t frozen_builder_size(const struct frozen_builder *b) {
  return sizeof(struct frozen_table) + data_size(b);
}

status frozen_builder_finish(struct frozen_builder *b, uint64_t root, struct frozen_table **out) {
  if (data_size(b) > FROZEN_BYTES_MAX) return STATUS_TOO_LARGE;
  struct object *object = NULL;
  const status st = segment_make_object(OBJECT_FROZEN_TABLE, frozen_builder_size(b), &object);
  if (st) return st;
  struct frozen_table *t = (struct frozen_table *)(void *)object;
  t->size = data_size(b);
  t->root = root;
  t->names = b->out.len;
  t->names_log = b->names.log;
  t->tables = b->tables;
  t->hash_key = b->hash_key;
  memcpy(t->data, b->out.data, b->out.len);
  memset(t->data + b->out.len, 0, t->size - b->out.len);
  if (b->names.slots) memcpy(t->data + b->out.len, b->names.slots, names_size(b));
  segment_publish(object);
  *out = t;
  return STATUS_OK;
}
