/* SPDX-License-Identifier: MIT */
/* Blocks of one small arena: allocation when a class, or memory, is used up. */
#include "shared/arena.h"

#include <errno.h>

#include "base/check.h"

enum { OWNER = 1, KIB = 1024, BLOCKS = 64 };

static struct mapping map;
static struct arena arena;

static void open_arena(uint64_t bytes_max) {
  static const struct arena blank;
  arena = blank;
  CHECK_EQ(mapping_make(&map, 64 << 20), STATUS_OK);
  arena_init(&arena, &map, 0, bytes_max);
}

/* Takes blocks until there are no more; returns their number. */
static int take_all(uint64_t size, block_ref blocks[BLOCKS]) {
  for (int count = 0;; count++) {
    CHECK(count < BLOCKS);
    const status st = arena_alloc(&arena, &map, size, OWNER, &blocks[count]);
    arena_validate(&arena, &map);
    if (st == STATUS_OK) continue;
    CHECK_EQ(st, -ENOMEM);
    return count;
  }
}

static void free_all(const block_ref *blocks, int count) {
  for (int i = 0; i < count; i++) arena_free(&arena, &map, blocks[i]);
  CHECK_EQ(arena_used(&arena, &map), 0);
}

/* Regions of 2 MiB: two blocks of 1 MiB, eight of 256 KiB. */
static void a_full_class_borrows_from_the_larger_ones(void) {
  block_ref blocks[BLOCKS];
  open_arena(UINT64_MAX);
  CHECK_EQ(take_all(1024 * KIB, blocks), 2);
  free_all(blocks, 2);
  for (int round = 0; round < 3; round++) {
    CHECK_EQ(take_all(256 * KIB, blocks), 10);
    for (int i = 0; i < 10; i++) CHECK(arena_block_size(&arena, blocks[i]) >= 256 * KIB);
    arena_free(&arena, &map, blocks[3]);
    CHECK_EQ(arena_alloc(&arena, &map, 256 * KIB, OWNER, &blocks[3]), STATUS_OK);
    free_all(blocks, 10);
  }
  mapping_destroy(&map);
}

static void more_than_is_allowed_is_not_committed(void) {
  block_ref blocks[BLOCKS];
  open_arena(1024 * KIB);
  const int count = take_all(200 * KIB, blocks);
  CHECK(count >= 3 && count <= 5);
  CHECK(mapping_used(&map) <= 1024 * KIB);
  block_ref small = 0;
  arena_free(&arena, &map, blocks[0]);
  CHECK_EQ(arena_alloc(&arena, &map, 150 * KIB, OWNER, &blocks[0]), STATUS_OK); /* warm */
  CHECK_EQ(arena_alloc(&arena, &map, 1000 * KIB, OWNER, &small), -ENOMEM);
  free_all(blocks, count);
  mapping_destroy(&map);
}

static void a_block_grows_in_place(void) {
  block_ref block = 0;
  open_arena(UINT64_MAX);
  CHECK_EQ(arena_alloc(&arena, &map, 70 * KIB, OWNER, &block), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, &map, block), 72 * KIB);
  CHECK_EQ(arena_commit(&arena, &map, block, 100 * KIB), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, &map, block), 100 * KIB);
  CHECK_EQ(arena_commit(&arena, &map, block, 10), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, &map, block), 100 * KIB);
  free_all(&block, 1);
  CHECK_EQ(arena_alloc(&arena, &map, 100, OWNER, &block), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, &map, block), 256);
  free_all(&block, 1);
  mapping_destroy(&map);
}

int main(void) {
  a_full_class_borrows_from_the_larger_ones();
  more_than_is_allowed_is_not_committed();
  a_block_grows_in_place();
  return 0;
}
