/* SPDX-License-Identifier: MIT */
/* Small blocks do not overlap, keep what is written to them, and their pages go back when they are empty.
 */
#include "base/blocks.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"

enum { COUNT = 20000, ROUNDS = 200000 };

struct held {
  unsigned char *block;
  size_t size;
  unsigned char mark;
};

static uint32_t seed = 1;
static uint32_t next_number(void) { return seed = seed * 1664525u + 1013904223u; }

static void take(struct blocks *b, struct held *h) {
  h->size = 1 + next_number() % (BLOCKS_STEP * BLOCKS_CLASSES);
  h->mark = (unsigned char)next_number();
  h->block = blocks_take(b, h->size);
  CHECK(h->block != NULL);
  CHECK_EQ((uintptr_t)h->block % BLOCKS_STEP, 0);
  memset(h->block, h->mark, h->size);
}

static void give(struct blocks *b, struct held *h) {
  for (size_t i = 0; i < h->size; i++) CHECK_EQ(h->block[i], h->mark);
  blocks_give(b, h->block, h->size);
  h->block = NULL;
}

static void blocks_taken_and_given_in_any_order_keep_their_bytes(void) {
  static struct held held[COUNT];
  struct blocks b = {{NULL}};
  for (int i = 0; i < ROUNDS; i++) {
    struct held *h = &held[next_number() % COUNT];
    if (h->block)
      give(&b, h);
    else
      take(&b, h);
    if (i % 5000 == 0) blocks_validate(&b);
  }
  for (int i = 0; i < COUNT; i++)
    if (held[i].block) give(&b, &held[i]);
  blocks_validate(&b);
  blocks_fini(&b);
}

static void a_size_has_blocks_up_to_the_largest_one_alone(void) {
  CHECK(!blocks_have(0));
  CHECK(blocks_have(1) == (BLOCKS_MOST > 0));
  CHECK(blocks_have(BLOCKS_MOST) == (BLOCKS_MOST > 0));
  CHECK(!blocks_have(BLOCKS_MOST + 1));
}

int main(void) {
  if (BLOCKS_MOST > 0) blocks_taken_and_given_in_any_order_keep_their_bytes();
  a_size_has_blocks_up_to_the_largest_one_alone();
  return 0;
}
