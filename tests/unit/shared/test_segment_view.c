/* SPDX-License-Identifier: MIT */
/* Another program's segment is read as it is, and whatever it says the reading ends. */
#include "shared/segment_view.h"

#include <string.h>

#include "base/check.h"
#include "os/mapping.h"
#include "shared/segment_private.h"

enum { SMALL = 1 << 26 };

struct seen {
  uint64_t blocks;
  block_ref wanted;
  bool has_wanted;
};

static bool count_block(void *context, block_ref block, uint64_t size, owner_id owner) {
  struct seen *seen = context;
  CHECK(size >= 64 && owner != 0);
  seen->blocks++;
  seen->has_wanted = seen->has_wanted || block == seen->wanted;
  return true;
}

static struct seen look(int fd) {
  struct segment_view view;
  struct seen seen = {0};
  CHECK_EQ(segment_view_open(&view, fd), STATUS_OK);
  CHECK_EQ(segment_view_each_block(&view, count_block, &seen), STATUS_OK);
  return seen;
}

static void blocks_of_a_program_are_found(void) {
  block_ref block = 0;
  CHECK_EQ(segment_alloc(5000, &block), STATUS_OK);
  struct segment_view view;
  struct seen seen = {.wanted = block};
  CHECK_EQ(segment_view_open(&view, segment_fd()), STATUS_OK);
  CHECK_EQ(segment_view_each_block(&view, count_block, &seen), STATUS_OK);
  CHECK(seen.has_wanted);
  segment_free(block);
  CHECK_EQ(look(segment_fd()).blocks, seen.blocks - 1);
}

/* A segment that another program could make: the header is right, all else is as it likes. */
static struct mapping forged(void) {
  struct mapping m;
  CHECK_EQ(mapping_make(&m, SMALL), STATUS_OK);
  memcpy(m.base, segment_mapping()->base, sizeof(struct segment_header));
  ((struct segment_header *)(void *)m.base)->size = SMALL;
  return m;
}

static void counts_that_are_too_high_end_where_the_segment_ends(void) {
  struct mapping m = forged();
  struct arena_state *a = &((struct segment_header *)(void *)m.base)->arena;
  memset(a, 0xff, sizeof *a);
  CHECK_EQ(look(m.fd).blocks, 0);
  mapping_destroy(&m);
}

static void what_is_no_segment_is_refused(void) {
  struct segment_view view;
  struct mapping m = forged();
  struct segment_header *header = (struct segment_header *)(void *)m.base;
  header->size = SMALL / 2;
  CHECK_EQ(segment_view_open(&view, m.fd), STATUS_FOREIGN);
  header->size = SMALL;
  header->format++;
  CHECK_EQ(segment_view_open(&view, m.fd), STATUS_FOREIGN);
  mapping_destroy(&m);
  CHECK_EQ(mapping_make(&m, 4096), STATUS_OK);
  CHECK_EQ(segment_view_open(&view, m.fd), STATUS_FOREIGN);
  mapping_destroy(&m);
}

static bool stop_at_once(void *context, block_ref block, uint64_t size, owner_id owner) {
  (void)block, (void)size, (void)owner;
  ++*(int *)context;
  return false;
}

static void a_visitor_that_has_seen_enough_ends_it(void) {
  struct segment_view view;
  block_ref blocks[3];
  for (int i = 0; i < 3; i++) CHECK_EQ(segment_alloc(100, &blocks[i]), STATUS_OK);
  int visits = 0;
  CHECK_EQ(segment_view_open(&view, segment_fd()), STATUS_OK);
  CHECK_EQ(segment_view_each_block(&view, stop_at_once, &visits), STATUS_OK);
  CHECK_EQ(visits, 1);
  for (int i = 0; i < 3; i++) segment_free(blocks[i]);
}

static void there_are_no_more_slabs_than_pages(void) {
  struct segment_view view;
  struct seen seen = {0};
  block_ref small = 0, large = 0;
  CHECK_EQ(segment_alloc(100, &small), STATUS_OK);
  CHECK_EQ(segment_alloc(5000, &large), STATUS_OK); /* in a slab of its own */
  CHECK_EQ(segment_view_open(&view, segment_fd()), STATUS_OK);
  view.used = 0;
  CHECK_EQ(segment_view_each_block(&view, count_block, &seen), STATUS_OK);
  CHECK_EQ(seen.blocks, 0);
  segment_free(small);
  segment_free(large);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  blocks_of_a_program_are_found();
  there_are_no_more_slabs_than_pages();
  counts_that_are_too_high_end_where_the_segment_ends();
  what_is_no_segment_is_refused();
  a_visitor_that_has_seen_enough_ends_it();
  return 0;
}
