/* SPDX-License-Identifier: MIT */
/* Equal stacks have one number and one record, whose times add up; records of many stacks fill several sheets,
 * which a reader can walk; what belongs to another profile is forgotten. */
#include "profile/writer.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { MANY = 5000 };

static const struct profile_thread worker = {7, 1, "worker", "threads"};
static const uint32_t one_ms[PROFILE_STATE_COUNT] = {[PROFILE_RAN] = 1000};

static uint32_t stack_of(uint32_t root, int line) {
  const struct profile_call calls[] = {
      {.name = "rep", .line = -1, .line_defined = -1, .language = PROFILE_C},
      {.source = "@a.lua", .line = line, .line_defined = 3, .language = PROFILE_LUA}};
  return profile_writer_stack(root, calls, 2);
}

static void begin(uint32_t generation) {
  CHECK_EQ(profile_writer_begin(profile_word(segment_self(), generation, 100)), STATUS_OK);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct counted {
  uint32_t generation;
  int sheets;
  int kinds[PROFILE_NODE + 1];
  uint64_t us;
};

static void count_record(struct counted *c, const struct profile_record *r) {
  CHECK(r->kind >= PROFILE_ROOT && r->kind <= PROFILE_NODE);
  c->kinds[r->kind]++;
  if (r->kind == PROFILE_NODE) c->us += atomic_load(&((const struct profile_node *)r)->times.us[PROFILE_RAN]);
}

static void count_sheet(void *context, block_ref block, owner_id owner) {
  struct counted *c = context;
  const struct profile_sheet *sheet = segment_at(block);
  (void)owner;
  if (segment_block_size(block) < PROFILE_SHEET_BYTES || sheet->magic != PROFILE_MAGIC) return;
  if (sheet->generation != c->generation) return;
  c->sheets++;
  const uint32_t used = atomic_load(&sheet->used);
  CHECK(used <= PROFILE_RECORDS_MAX);
  for (uint32_t at = 0; at < used;) {
    const struct profile_record *r = (const void *)((const uint8_t *)(sheet + 1) + at);
    CHECK(r->size >= sizeof *r && r->size % 8 == 0 && r->size <= used - at);
    count_record(c, r);
    at += r->size;
  }
}

static struct counted count(uint32_t generation) {
  struct counted c = {.generation = generation};
  arena_each_block(segment_arena(), count_sheet, &c);
  return c;
}

/* ---- the cases ------------------------------------------------------------------------------- */

static void equal_stacks_are_one(void) {
  begin(1);
  const uint32_t root = profile_writer_root(&worker);
  const uint32_t a = stack_of(root, 10);
  const uint32_t b = stack_of(root, 20);
  CHECK(root && a && b && a != b);
  CHECK_EQ(stack_of(root, 10), a);
  profile_writer_add(a, one_ms);
  profile_writer_add(a, one_ms);
  profile_writer_add(b, one_ms);
  const struct counted c = count(1);
  CHECK_EQ(c.sheets, 1);
  CHECK_EQ(c.kinds[PROFILE_ROOT], 1);
  CHECK_EQ(c.kinds[PROFILE_FRAME], 3); /* two lines, and the C function */
  CHECK_EQ(c.kinds[PROFILE_NODE], 4);
  CHECK_EQ(c.us, 3000);
  profile_writer_end();
  CHECK_EQ(count(1).sheets, 0);
}

static void many_stacks_fill_several_sheets(void) {
  begin(2);
  const uint32_t root = profile_writer_root(&worker);
  for (int round = 0; round < 2; round++)
    for (int line = 1; line <= MANY; line++) profile_writer_add(stack_of(root, line), one_ms);
  const struct counted c = count(2);
  CHECK(c.sheets > 1);
  CHECK_EQ(c.kinds[PROFILE_NODE], 2 * MANY);
  CHECK_EQ(c.us, 2 * MANY * UINT64_C(1000));
  profile_writer_end();
}

static void another_profile_begins_anew(void) {
  begin(3);
  const uint32_t old = stack_of(profile_writer_root(&worker), 1);
  CHECK(old);
  begin(4);
  profile_writer_add(old, one_ms); /* of a thread that still has the number */
  CHECK_EQ(count(4).us, 0);
  CHECK(stack_of(profile_writer_root(&worker), 1));
  CHECK_EQ(count(4).kinds[PROFILE_NODE], 2);
  profile_writer_end();
}

static void without_a_profile_nothing_is_written(void) {
  CHECK_EQ(profile_writer_root(&worker), 0);
  CHECK_EQ(stack_of(1, 1), 0);
  profile_writer_add(1, one_ms);
}

static void long_texts_are_cut(void) {
  char code[4096];
  memset(code, 'x', sizeof code - 1);
  code[sizeof code - 1] = '\0';
  begin(5);
  const struct profile_call call = {.source = code, .line = 1, .line_defined = 1, .language = PROFILE_LUA};
  CHECK(profile_writer_stack(profile_writer_root(&worker), &call, 1));
  CHECK_EQ(count(5).kinds[PROFILE_FRAME], 1);
  profile_writer_end();
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  without_a_profile_nothing_is_written();
  equal_stacks_are_one();
  many_stacks_fill_several_sheets();
  another_profile_begins_anew();
  long_texts_are_cut();
  return 0;
}
