/* SPDX-License-Identifier: MIT */
/* Frozen tables: what is written is read, by key and in order; words that a peer changes lead nowhere
 * outside of the data; each allocation may fail; and a death at each instant of making and ending leaves
 * no block.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "shared/frozen_builder.h"
#include "shared/holds.h"

enum { MANY = 5000 };

static struct frozen_value integer(int64_t value) {
  return (struct frozen_value){(uint64_t)value, FROZEN_INTEGER};
}

static const char *key_text(int i) {
  static char text[24];
  snprintf(text, sizeof text, "key %d", i);
  return text;
}

static struct frozen_value name(struct frozen_builder *b, const char *text) {
  struct frozen_value key = {.tag = FROZEN_STRING};
  CHECK_EQ(frozen_builder_name(b, text, strlen(text), &key.bits), STATUS_OK);
  return key;
}

/* A table of two elements, and `count` keys "key 0" … with their numbers. */
static uint64_t add_table(struct frozen_builder *b, uint32_t count) {
  struct frozen_value *keys = calloc(count + 1, sizeof *keys);
  const struct frozen_outline outline = {2, 2, count, keys};
  uint64_t place = 0;
  CHECK(keys);
  for (uint32_t i = 0; i < count; i++) keys[i] = name(b, key_text((int)i));
  CHECK_EQ(frozen_builder_table(b, &outline, &place), STATUS_OK);
  for (uint32_t i = 0; i < count + 2; i++) frozen_builder_set(b, place, count + 2, i, integer(i));
  free(keys);
  return place;
}

static struct frozen_table *make(uint32_t count) {
  struct frozen_builder b;
  struct frozen_table *t = NULL;
  CHECK_EQ(frozen_builder_init(&b), STATUS_OK);
  const uint64_t root = add_table(&b, count);
  for (int i = 0; i < 3; i++) {
    const struct frozen_value child = {add_table(&b, 3), FROZEN_TABLE};
    if (count) frozen_builder_set(&b, root, count + 2, 2, child);
  }
  CHECK_EQ(frozen_builder_finish(&b, root, &t), STATUS_OK);
  frozen_builder_fini(&b);
  return t;
}

static uint64_t find(const struct frozen_view *v, const struct frozen_reader *r, const char *text) {
  const uint64_t place = frozen_view_name(v, text, strlen(text));
  if (place == FROZEN_NONE) return FROZEN_NOT_FOUND;
  return frozen_reader_find(v, r, (struct frozen_value){place, FROZEN_STRING});
}

static void what_is_written_is_found(uint32_t count) {
  struct frozen_table *t = make(count);
  frozen_table_validate(t);
  const struct frozen_view v = frozen_table_view(t);
  struct frozen_reader r;
  CHECK(frozen_view_read(&v, v.root, &r));
  CHECK_EQ(frozen_reader_count(&r), count + 2);
  CHECK_EQ(r.length, 2);
  for (uint32_t i = 1; i < count; i++) {
    const uint64_t number = find(&v, &r, key_text((int)i));
    CHECK_EQ(number, i + 2);
    CHECK_EQ(frozen_reader_value(&r, number).bits, number);
  }
  CHECK_EQ(find(&v, &r, "key -1"), FROZEN_NOT_FOUND);
  CHECK_EQ(frozen_reader_find(&v, &r, integer(2)), 1);
  CHECK_EQ(frozen_reader_find(&v, &r, integer(3)), FROZEN_NOT_FOUND);
  CHECK_EQ(frozen_reader_find(&v, &r, integer(0)), FROZEN_NOT_FOUND);
  segment_release(&t->object);
}

static void tables_with_the_same_keys_have_one_shape(void) {
  struct frozen_builder b;
  CHECK_EQ(frozen_builder_init(&b), STATUS_OK);
  (void)add_table(&b, 20);
  const size_t before = b.out.len;
  (void)add_table(&b, 20);
  CHECK_EQ(b.out.len - before, 16 + (22 * 9 + 7) / 8 * 8);
  CHECK_EQ(b.shapes.count, 1);
  CHECK_EQ(b.names.count, 20);
  frozen_builder_fini(&b);
}

/* A place and a word are anything: what is read lies within the data, or is refused. */
static void places_and_words_that_are_wrong_lead_nowhere(void) {
  struct frozen_table *t = make(12);
  const struct frozen_view v = frozen_table_view(t);
  struct frozen_reader r;
  uint64_t random = 88172645463325252u;
  for (int round = 0; round < 20000; round++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint32_t word = round % 2 ? (uint32_t)random : (uint32_t)(random % 64);
    uint8_t *at = (uint8_t *)(uintptr_t)v.data + random / 8 % (v.size / 4) * 4;
    uint32_t kept = 0;
    memcpy(&kept, at, sizeof kept);
    memcpy(at, &word, sizeof word);
    for (uint64_t place = 0; place < v.size + 32; place += place % 16 ? 3 : 5) {
      if (!frozen_view_read(&v, place, &r)) continue;
      const uint64_t count = frozen_reader_count(&r);
      CHECK((const uint8_t *)r.bits >= v.data && r.tags + count <= v.data + v.size);
      CHECK(!r.pair_count || r.key_tags + r.pair_count <= v.data + v.size);
      CHECK(!r.slots || (const uint8_t *)(r.slots + r.slots_mask + 1) <= v.data + v.size);
    }
    memcpy(at, &kept, sizeof kept);
  }
  CHECK(!frozen_view_read(&v, UINT64_MAX - 7, &r));
  CHECK(!frozen_view_read(&v, v.size, &r));
  frozen_table_validate(t);
  segment_release(&t->object);
}

#if defined(MM_FAULTS)
#include "base/memory.h"

static bool is_made(void) {
  struct frozen_builder b;
  struct frozen_table *t = NULL;
  struct frozen_value key = {.tag = FROZEN_STRING};
  uint64_t root = 0;
  status st = frozen_builder_init(&b);
  if (st == STATUS_OK) st = frozen_builder_name(&b, "key", 3, &key.bits);
  const struct frozen_outline outline = {0, 0, 1, &key};
  if (st == STATUS_OK) st = frozen_builder_table(&b, &outline, &root);
  if (st == STATUS_OK) st = frozen_builder_finish(&b, root, &t);
  frozen_builder_fini(&b);
  if (st == STATUS_OK) segment_release(&t->object);
  return st == STATUS_OK;
}

static void without_memory_nothing_is_made(void) {
  const uint64_t blocks = arena_used(segment_arena());
  for (long n = 1;; n++) {
    memory_fail_after(n);
    const bool is_done = is_made();
    memory_fail_after(0);
    CHECK_EQ(arena_used(segment_arena()), blocks);
    if (is_done) return;
    CHECK(n < 100);
  }
}
#endif

#if defined(MM_KILL_POINTS)
#include "doomed_child.h"

static void act(void *unused) {
  (void)unused;
  segment_release(&make(20)->object);
}

static bool one_death(size_t deed, long point) {
  const uint64_t blocks = arena_used(segment_arena());
  struct child_slot place;
  (void)deed;
  const bool has_died = run_doomed_child(act, NULL, point, &place);
  segment_forget_child(place);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  return has_died;
}
#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  const uint64_t blocks = arena_used(segment_arena());
  what_is_written_is_found(0);
  what_is_written_is_found(FROZEN_LINEAR_MAX);
  what_is_written_is_found(FROZEN_LINEAR_MAX + 1);
  what_is_written_is_found(MANY);
  tables_with_the_same_keys_have_one_shape();
  places_and_words_that_are_wrong_lead_nowhere();
#if defined(MM_FAULTS)
  without_memory_nothing_is_made();
#endif
  CHECK_EQ(arena_used(segment_arena()), blocks);
#if defined(MM_KILL_POINTS)
  run_kill_test(one_death, 1, 200);
#endif
  return 0;
}
