/* SPDX-License-Identifier: MIT */
/* The map address -> offset: finding, clearing, cutting, running out of memory. */
#include "base/check.h"
#include "base/memory.h"
#include "state/object_map.h"

static char objects[5000];

static uint32_t claim(struct object_map *m, int object, uint32_t offset) {
  uint32_t known = UINT32_MAX;
  CHECK_EQ(object_map_claim(m, &objects[object], offset, 0, &known), STATUS_OK);
  return known;
}

static void an_object_has_the_offset_of_its_first_claim(void) {
  struct object_map m;
  object_map_init(&m);
  for (int i = 0; i < 5000; i++) CHECK_EQ(claim(&m, i, (uint32_t)i + 1), 0);
  for (int i = 0; i < 5000; i++) CHECK_EQ(claim(&m, i, 77), i + 1);
  object_map_clear(&m);
  for (int i = 0; i < 5000; i++) CHECK_EQ(claim(&m, i, 9), 0);
  object_map_fini(&m);
}

static void growing_keeps_the_largest_offset(void) {
  struct object_map m;
  object_map_init(&m);
  CHECK_EQ(claim(&m, 0, UINT32_MAX), 0);
  for (int i = 1; i < 5000; i++) CHECK_EQ(claim(&m, i, (uint32_t)i), 0);
  CHECK_EQ(claim(&m, 0, 77), UINT32_MAX);
  object_map_fini(&m);
}

static void a_cut_removes_later_objects(void) {
  struct object_map m;
  object_map_init(&m);
  CHECK_EQ(object_map_cut(&m, 1), STATUS_OK);
  for (int i = 0; i < 100; i++) CHECK_EQ(claim(&m, i, (uint32_t)i + 1), 0);
  CHECK_EQ(object_map_cut(&m, 51), STATUS_OK);
  for (int i = 0; i < 100; i++) CHECK_EQ(claim(&m, i, 200), i < 50 ? i + 1 : 0);
  object_map_fini(&m);
}

static void a_generation_that_wraps_empties_the_map(void) {
  struct object_map m;
  object_map_init(&m);
  CHECK_EQ(claim(&m, 0, 5), 0);
  m.generation = UINT32_MAX;
  CHECK_EQ(claim(&m, 1, 6), 0);
  object_map_clear(&m);
  CHECK_EQ(claim(&m, 0, 7), 0);
  CHECK_EQ(claim(&m, 1, 8), 0);
  object_map_fini(&m);
}

#if defined(MM_FAULTS)
static void running_out_of_memory_changes_nothing(void) {
  struct object_map m;
  object_map_init(&m);
  uint32_t known = 0;
  for (int i = 0; i < 64; i++) CHECK_EQ(claim(&m, i, (uint32_t)i + 1), 0);
  memory_fail_after(1);
  CHECK(object_map_claim(&m, &objects[64], 65, 0, &known) != STATUS_OK);
  for (int i = 0; i < 64; i++) CHECK_EQ(claim(&m, i, 99), i + 1);
  object_map_fini(&m);
}
#else
static void running_out_of_memory_changes_nothing(void) {}
#endif

int main(void) {
  an_object_has_the_offset_of_its_first_claim();
  growing_keeps_the_largest_offset();
  a_cut_removes_later_objects();
  a_generation_that_wraps_empties_the_map();
  running_out_of_memory_changes_nothing();
  return 0;
}
