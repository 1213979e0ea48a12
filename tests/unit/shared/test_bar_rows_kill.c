/* SPDX-License-Identifier: MIT */
/* The rows of progress bars: each bar has one for itself, rows stay where they are until the last bar ends, and a
 * death at each instant of a change leaves the rows to the others. */
#include "shared/bar_rows.h"

#include "base/check.h"
#include "shared/segment.h"
#include "shared/sweep.h"

static uint32_t take(void) { return bar_rows_take(segment_bar_rows(), segment_self()); }
static void give(uint32_t row) { bar_rows_give(segment_bar_rows(), row); }

static void reserved_is(uint32_t wanted_before, uint32_t wanted) {
  uint32_t before = 99;
  CHECK_EQ(bar_rows_reserve(segment_bar_rows(), &before), wanted);
  CHECK_EQ(before, wanted_before);
}

static void rows_stay_until_the_last_bar_ends(void) {
  reserved_is(0, 0);
  CHECK_EQ(take(), 0);
  CHECK_EQ(take(), 1);
  CHECK(bar_rows_has(segment_bar_rows(), segment_self()));
  reserved_is(0, 2);
  give(1);
  reserved_is(2, 2);
  CHECK_EQ(take(), 1);
  give(0);
  reserved_is(2, 2);
  CHECK_EQ(take(), 0);
  give(0);
  give(1);
  CHECK(!bar_rows_has(segment_bar_rows(), segment_self()));
  reserved_is(2, 0);
  segment_validate();
}

static void there_are_so_many_rows(void) {
  for (uint32_t i = 0; i < BAR_ROWS_MAX; i++) CHECK_EQ(take(), i);
  CHECK_EQ(take(), BAR_ROWS_MAX);
  give(BAR_ROWS_MAX);
  reserved_is(0, BAR_ROWS_MAX);
  for (uint32_t i = 0; i < BAR_ROWS_MAX; i++) give(i);
  reserved_is(BAR_ROWS_MAX, 0);
}

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 20 };

static void change(void *scene) {
  uint32_t before = 0;
  (void)scene;
  const uint32_t first = take();
  (void)take();
  (void)bar_rows_reserve(segment_bar_rows(), &before);
  give(first);
  (void)take();
}

static bool one_death(size_t deed, long point) {
  struct child_slot place;
  (void)deed;
  CHECK_EQ(take(), 0);
  const bool has_died = run_doomed_child(change, NULL, point, &place);
  segment_forget_child(place);
  segment_validate();
  CHECK_EQ(take(), 1);
  give(0);
  give(1);
  uint32_t before = 0;
  CHECK_EQ(bar_rows_reserve(segment_bar_rows(), &before), 0);
  return has_died;
}

static void a_death_leaves_the_rows_to_the_others(void) { run_kill_test(one_death, 1, POINTS_MAX); }

#else

static void a_death_leaves_the_rows_to_the_others(void) {}

#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  rows_stay_until_the_last_bar_ends();
  there_are_so_many_rows();
  a_death_leaves_the_rows_to_the_others();
  return 0;
}
