/* SPDX-License-Identifier: MIT */
/* The table of named blocks: what is added is found whole, and a death at each instant of a change
 * leaves the table to the others. */
#include "shared/named_blocks.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "shared/segment.h"

static struct named_block block_called(const char *name, int number, bool is_of_worker) {
  struct named_block b = {.maker = process_pid(), .inode = (uint64_t)number, .is_of_worker = is_of_worker};
  snprintf(b.name, sizeof b.name, "%s %d", name, number);
  return b;
}

static void add(const char *name, int number, bool is_of_worker) {
  const struct named_block b = block_called(name, number, is_of_worker);
  named_blocks_add(segment_named_blocks(), &b);
}

static bool drop(const char *name, int number) {
  const struct named_block b = block_called(name, number, false);
  charge_mark charge = 0;
  uint64_t size = 0;
  return named_blocks_drop(segment_named_blocks(), b.name, process_pid(), &charge, &size);
}

static size_t count_whole(void) {
  struct named_block b;
  size_t count = 0;
  for (size_t i = 0; i < NAMED_BLOCKS_MAX; i++) {
    if (!named_blocks_look(segment_named_blocks(), i, &b)) continue;
    int number = -1;
    CHECK_EQ(sscanf(b.name, "%*s %d", &number), 1);
    CHECK_EQ(b.inode, (uint64_t)number);
    count++;
  }
  return count;
}

static void what_is_added_is_found_until_it_is_dropped(void) {
  struct named_block b;
  add("own", 1, false);
  add("worker's", 2, true);
  CHECK_EQ(count_whole(), 2);
  CHECK(named_blocks_take_of_worker(segment_named_blocks(), &b));
  CHECK_EQ(strcmp(b.name, "worker's 2"), 0);
  CHECK(!named_blocks_take_of_worker(segment_named_blocks(), &b));
  CHECK(drop("own", 1));
  CHECK(!drop("own", 1));
  CHECK_EQ(count_whole(), 0);
}

/* A name without its end, or too many names, change nothing beside them. */
static void the_table_has_bounds(void) {
  struct named_block b = block_called("long", 3, false);
  memset(b.name, '3', sizeof b.name);
  memcpy(b.name, "long ", 5);
  named_blocks_add(segment_named_blocks(), &b);
  CHECK(named_blocks_look(segment_named_blocks(), 0, &b));
  CHECK_EQ(strlen(b.name), sizeof b.name - 1);
  charge_mark charge = 0;
  uint64_t size = 0;
  CHECK(named_blocks_drop(segment_named_blocks(), b.name, process_pid(), &charge, &size));
  for (int i = 0; i < NAMED_BLOCKS_MAX + 5; i++) add("one", i, false);
  CHECK_EQ(count_whole(), NAMED_BLOCKS_MAX);
  for (int i = 0; i < NAMED_BLOCKS_MAX + 5; i++) CHECK_EQ(drop("one", i), i < NAMED_BLOCKS_MAX);
  CHECK_EQ(count_whole(), 0);
}

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 20 };

static void change(void *scene) {
  (void)scene;
  add("dead", 1, true);
  add("dead", 2, true);
  (void)drop("dead", 1);
  add("dead", 3, true);
}

static bool one_death(size_t deed, long point) {
  struct child_slot place;
  struct named_block b;
  (void)deed;
  add("living", 7, false);
  const bool has_died = run_doomed_child(change, NULL, point, &place);
  segment_forget_child(place);
  add("living", 8, false);
  CHECK(count_whole() >= 2);
  while (named_blocks_take_of_worker(segment_named_blocks(), &b)) CHECK_EQ(strncmp(b.name, "dead", 4), 0);
  CHECK_EQ(count_whole(), 2);
  CHECK(drop("living", 7) && drop("living", 8));
  return has_died;
}

static void a_death_leaves_the_table_whole(void) { die_at_each_point(one_death, 1, POINTS_MAX); }

#else
static void a_death_leaves_the_table_whole(void) {}
#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  what_is_added_is_found_until_it_is_dropped();
  the_table_has_bounds();
  a_death_leaves_the_table_whole();
  return 0;
}
