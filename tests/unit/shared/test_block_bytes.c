/* SPDX-License-Identifier: MIT */
/* A byte array on its way into a block: its content, its place, and what remains when it ends. */
#include "shared/block_bytes.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"

static uint64_t used(void) { return arena_used(segment_arena()); }

static void fill(struct bytes *b, size_t size, size_t step) {
  for (size_t at = 0; at < size; at += step) {
    const size_t now = size - at < step ? size - at : step;
    CHECK_EQ(bytes_reserve(b, now), STATUS_OK);
    for (size_t i = 0; i < now; i++) b->data[b->len++] = (uint8_t)((at + i) * 31 % 251);
    CHECK(b->len <= b->cap);
  }
}

static void check_contents(const struct bytes *b, size_t size) {
  CHECK_EQ(b->len, size);
  for (size_t i = 0; i < size; i++) CHECK_EQ(b->data[i], (uint8_t)(i * 31 % 251));
}

static void what_is_short_stays_private(void) {
  struct bytes b;
  bytes_init(&b);
  block_bytes_begin(&b);
  const uint64_t before = used();
  fill(&b, BLOCK_BYTES_PRIVATE, 7);
  CHECK_EQ(block_bytes_block(&b), 0);
  CHECK_EQ(used(), before);
  check_contents(&b, BLOCK_BYTES_PRIVATE);
  block_bytes_end(&b);
  CHECK(b.len == 0 && !b.store);
  bytes_fini(&b);
}

static void what_grows_moves_on_and_keeps_its_bytes(void) {
  static const size_t steps[] = {1, 1000, 5000, 70000, 3 << 20};
  const uint64_t before = used();
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    struct bytes b;
    bytes_init(&b);
    block_bytes_begin(&b);
    fill(&b, 5 << 20, steps[i]);
    CHECK(block_bytes_block(&b) != 0);
    CHECK_EQ(used(), before + 1);
    check_contents(&b, 5 << 20);
    block_bytes_end(&b);
    CHECK_EQ(used(), before);
    bytes_fini(&b);
  }
}

static void a_block_that_was_yielded_is_somebody_elses(void) {
  struct bytes b;
  bytes_init(&b);
  block_bytes_begin(&b);
  fill(&b, 10000, 10000);
  const uint64_t before = used();
  const block_ref block = block_bytes_block(&b);
  block_bytes_yield(&b);
  CHECK(!b.data && block_bytes_block(&b) == 0);
  CHECK_EQ(used(), before);
  segment_free(block);
}

static void without_a_store_again_it_is_a_run_like_others(void) {
  struct bytes b;
  bytes_init(&b);
  for (int i = 0; i < 4; i++) {
    block_bytes_begin(&b);
    fill(&b, 9000, 100);
    block_bytes_end(&b);
    fill(&b, 9000, 100);
    CHECK_EQ(block_bytes_block(&b), 0);
    check_contents(&b, 9000);
    bytes_clear(&b);
  }
  bytes_fini(&b);
}

/* Without a block the array grows in private memory; only without that, too, it cannot grow. */
static void each_allocation_may_fail(void) {
#if defined(MM_FAULTS)
  const uint64_t before = used();
  for (long n = 1; n < 20; n++) {
    struct bytes b;
    bytes_init(&b);
    block_bytes_begin(&b);
    memory_fail_after(n);
    const status st = bytes_reserve(&b, 100);
    if (st == STATUS_OK) fill(&b, 200000, 2000);
    memory_fail_after(0);
    if (st == STATUS_OK) check_contents(&b, 200000);
    CHECK_EQ(st, n == 1 ? -ENOMEM : STATUS_OK);
    block_bytes_end(&b);
    bytes_fini(&b);
    CHECK_EQ(used(), before);
  }
#endif
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  what_is_short_stays_private();
  what_grows_moves_on_and_keeps_its_bytes();
  a_block_that_was_yielded_is_somebody_elses();
  without_a_store_again_it_is_a_run_like_others();
  each_allocation_may_fail();
  arena_validate(segment_arena());
  return 0;
}
