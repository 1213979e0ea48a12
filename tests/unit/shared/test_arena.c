/* SPDX-License-Identifier: MIT */
/* Blocks of one arena: any size, reuse between sizes, limits, and what a stale bit does. */
#include "shared/arena.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/thread.h"
#include "shared/arena_private.h"

enum { OWNER = 1, OTHER = 2, KIB = 1024, MIB = 1024 * 1024, BLOCKS = 4096 };
#define GIB (UINT64_C(1) << 30)

static struct mapping map;
static struct arena_state state;
static struct arena arena;

static void open_arena(uint64_t size, uint64_t bytes_max) {
  memset(&state, 0, sizeof state);
  CHECK_EQ(mapping_make(&map, size), STATUS_OK);
  arena_locate(&arena, &map, 0, &state);
  arena_init(&arena, bytes_max);
  arena.self = OWNER;
}

static void close_arena(void) {
  arena_validate(&arena);
  CHECK_EQ(arena_used(&arena), 0);
  mapping_destroy(&map);
}

static block_ref take(uint64_t size) {
  block_ref block = 0;
  CHECK_EQ(arena_alloc(&arena, size, OWNER, &block), STATUS_OK);
  return block;
}

/* A block that has much address space and a page. */
static status take_sparse(uint64_t room, block_ref *out) {
  const struct arena_request request = {.size = 1, .room = room, .owner = OWNER};
  return arena_take(&arena, &request, out);
}

static void each_class_fits_and_rounds_little(void) {
  for (uint64_t size = 1; size <= ARENA_SLAB_MAX; size++) {
    const unsigned class = class_of_size(size);
    CHECK(class < ARENA_CLASSES && class_size(class) >= size && class_size(class) % 16 == 0);
    CHECK(class == 0 || class_size(class - 1) < size);
    CHECK(class_blocks(class) >= 16 && class_blocks(class) <= SLAB_BLOCKS_MAX);
    if (size > 128) CHECK(class_size(class) <= size + size / 4);
  }
}

static void blocks_of_all_sizes_do_not_overlap(void) {
  static block_ref blocks[BLOCKS];
  static uint64_t sizes[BLOCKS];
  open_arena(8 * GIB, UINT64_MAX);
  uint64_t size = 1;
  for (int i = 0; i < BLOCKS; i++) {
    sizes[i] = size;
    blocks[i] = take(size);
    CHECK(arena_block_size(&arena, blocks[i]) >= size && arena_committed(&arena, blocks[i]) >= size);
    *(uint32_t *)(void *)(map.base + blocks[i]) = (uint32_t)i;
    map.base[blocks[i] + size - 1] = (uint8_t)i;
    size = i % 512 == 511 ? 1 : size + size / 40 + 1;
  }
  arena_validate(&arena);
  CHECK_EQ(arena_used(&arena), BLOCKS);
  for (int i = BLOCKS - 1; i >= 0; i -= 2) arena_free(&arena, blocks[i]);
  for (int i = 0; i < BLOCKS; i += 2) {
    if (sizes[i] > 4) CHECK_EQ(*(uint32_t *)(void *)(map.base + blocks[i]) & 0xffffff, i);
    if (sizes[i] > 4) CHECK_EQ(map.base[blocks[i] + sizes[i] - 1], (uint8_t)i);
    arena_free(&arena, blocks[i]);
  }
  close_arena();
}

/* Forty arrays of 512 MiB, and blocks of 1.1 GiB, 65 MiB and just over 16 MiB: of each as many as
 * there is address space for. */
static void there_are_as_many_large_blocks_as_there_is_room(void) {
  const struct {
    uint64_t size;
    int count;
  } cases[] = {{512 * (uint64_t)MIB, 40}, {1126 * (uint64_t)MIB, 20}, {65 * MIB, 400}, {16 * MIB + 1, 1000}};
  static block_ref blocks[BLOCKS];
  open_arena(64 * GIB, UINT64_MAX);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    for (int i = 0; i < cases[c].count; i++) {
      CHECK_EQ(take_sparse(cases[c].size, &blocks[i]), STATUS_OK);
      CHECK(arena_block_size(&arena, blocks[i]) >= cases[c].size);
    }
    CHECK(mapping_used(&map) < 256 * MIB);
    for (int i = 0; i < cases[c].count; i++) arena_free(&arena, blocks[i]);
    arena_validate(&arena);
  }
  close_arena();
}

static void memory_moves_between_sizes(void) {
  enum { COUNT = 60000 };
  block_ref *blocks = memory_alloc(COUNT * sizeof *blocks);
  open_arena(GIB, 32 * MIB);
  const uint64_t sizes[] = {400, 64, 3000, 100000, 20000, 64};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const int count = (int)(24 * MIB / sizes[s] < COUNT ? 24 * MIB / sizes[s] : COUNT);
    for (int i = 0; i < count; i++) blocks[i] = take(sizes[s]);
    CHECK(mapping_used(&map) <= 32 * MIB);
    for (int i = 0; i < count; i++) arena_free(&arena, blocks[(uint64_t)i * 7919 % (uint64_t)count]);
    arena_validate(&arena);
    CHECK_EQ(arena_used(&arena), 0);
  }
  close_arena();
  memory_free(blocks);
}

static void data_leaves_a_reserve(void) {
  static block_ref blocks[BLOCKS];
  int count = 0;
  open_arena(GIB, 16 * MIB);
  status st = STATUS_OK;
  for (; st == STATUS_OK; count++) {
    CHECK(count < BLOCKS);
    st = arena_alloc(&arena, 10 * KIB, OWNER, &blocks[count]);
  }
  CHECK_EQ(st, -ENOMEM);
  CHECK(--count > 1000);
  CHECK(mapping_used(&map) <= 16 * MIB);
  const struct arena_request vital = {.size = 3000, .owner = OWNER, .use = ARENA_VITAL, .is_object = true};
  block_ref locks[40];
  for (int i = 0; i < 40; i++) {
    CHECK_EQ(arena_take(&arena, &vital, &locks[i]), STATUS_OK);
    CHECK_EQ(locks[i] % ARENA_OBJECT_UNIT, 0);
  }
  for (int i = 0; i < 40; i++) arena_free(&arena, locks[i]);
  for (int i = 0; i < count; i++) arena_free(&arena, blocks[i]);
  CHECK_EQ(arena_alloc(&arena, 12 * MIB, OWNER, &blocks[0]), STATUS_OK); /* what was kept warm went */
  CHECK_EQ(arena_alloc(&arena, 12 * MIB, OWNER, &blocks[1]), -ENOMEM);
  arena_free(&arena, blocks[0]);
  CHECK_EQ(arena_alloc(&arena, 2 * GIB, OWNER, &blocks[1]), STATUS_TOO_LARGE);
  close_arena();
}

static void a_block_grows_in_place(void) {
  block_ref block = 0;
  open_arena(GIB, UINT64_MAX);
  const struct arena_request request = {.size = 70 * KIB, .room = MIB, .owner = OWNER};
  CHECK_EQ(arena_take(&arena, &request, &block), STATUS_OK);
  CHECK_EQ(arena_block_size(&arena, block), MIB);
  CHECK_EQ(arena_committed(&arena, block), 72 * KIB);
  CHECK_EQ(arena_commit(&arena, block, 200 * KIB, NULL), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, block), 200 * KIB);
  CHECK_EQ(arena_commit(&arena, block, 10, NULL), STATUS_OK);
  CHECK_EQ(arena_committed(&arena, block), 200 * KIB);
  arena_free(&arena, block);
  close_arena();
}

/* A killed taker leaves a bit cleared; the next reap sets it again. */
static void bits_that_a_death_cleared_are_set_by_the_reap(void) {
  block_ref blocks[3];
  open_arena(GIB, UINT64_MAX);
  for (int i = 0; i < 3; i++) blocks[i] = take(64);
  CHECK(arena_give(&arena, blocks[1], OWNER, OTHER));
  CHECK(!arena_give(&arena, blocks[1], OWNER, OTHER));
  struct arena_control *control = chunk_control(&arena, 0);
  atomic_store(&control->free[0], 0); /* wrong: all but these three are free */
  atomic_store(&control->free[1], 0);
  arena_reap(&arena, OTHER);
  CHECK_EQ(arena_owner(&arena, blocks[1]), 0);
  CHECK_EQ(atomic_load(&control->free[0]) & 7, 2); /* the block of the dead process alone */
  CHECK_EQ(atomic_load(&control->free[1]), UINT64_MAX);
  CHECK_EQ(take(64), blocks[1]);
  for (int i = 0; i < 3; i++) arena_free(&arena, blocks[i]);
  close_arena();
}

static void a_stranger_is_no_block(void) {
  open_arena(GIB, UINT64_MAX);
  const block_ref small = take(100);
  const block_ref large = take(200 * KIB);
  CHECK(arena_has(&arena, small) && arena_has(&arena, large));
  CHECK(!arena_has(&arena, small + 1) && !arena_has(&arena, large + ARENA_CHUNK) && !arena_has(&arena, 0));
  CHECK(!arena_has(&arena, large + 4096) && !arena_has(&arena, UINT64_MAX) && !arena_has(&arena, map.size));
  arena_free(&arena, small);
  arena_free(&arena, large);
  close_arena();
}

/* Random sizes, freed in random order: half of the memory at most is lost. */
static void fragmentation_is_bounded(void) {
  enum { LIVE = 20000 };
  block_ref *blocks = memory_alloc(LIVE * sizeof *blocks);
  struct arena_figures figures;
  uint64_t random = 1;
  uint64_t wanted = 0;
  uint64_t *sizes = memory_alloc(LIVE * sizeof *sizes);
  memset(sizes, 0, LIVE * sizeof *sizes);
  open_arena(GIB, 128 * MIB);
  for (int i = 0; i < 300000; i++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    const uint64_t at = (random >> 33) % LIVE;
    if (sizes[at]) arena_free(&arena, blocks[at]);
    wanted -= sizes[at];
    sizes[at] = (random >> 20) % 1600 + 30;
    wanted += sizes[at];
    blocks[at] = take(sizes[at]);
  }
  arena_measure(&arena, &figures);
  CHECK(figures.committed < 2 * wanted + 4 * MIB);
  CHECK(figures.blocks > LIVE / 2 && figures.block_bytes >= wanted && figures.block_bytes < wanted * 3 / 2);
  for (int i = 0; i < LIVE; i++)
    if (sizes[i]) arena_free(&arena, blocks[i]);
  close_arena();
  memory_free(sizes);
  memory_free(blocks);
}

enum { THREADS = 4, HELD = 300, STEPS = 60000 };

struct user {
  uint64_t random;
  owner_id owner;
  block_ref blocks[HELD];
  uint64_t sizes[HELD];
};

static uint64_t next_random(struct user *u) {
  u->random = u->random * UINT64_C(6364136223846793005) + 1442695040888963407;
  return u->random >> 33;
}

/* Small blocks of few sizes, so that slabs fill, empty and end all the time, and a run now and
 * then. */
static uint64_t next_size(struct user *u) {
  static const uint64_t sizes[] = {64, 100, 3000, 16000, 60000};
  return next_random(u) % 200 ? sizes[next_random(u) % 5] : 300000;
}

static void free_checked(struct user *u, uint64_t at) {
  if (!u->sizes[at]) return;
  const uint8_t *bytes = map.base + u->blocks[at];
  const uint8_t mark = (uint8_t)(u->owner * 31 + at);
  CHECK(bytes[0] == mark && bytes[u->sizes[at] / 2] == mark && bytes[u->sizes[at] - 1] == mark);
  CHECK_EQ(arena_owner(&arena, u->blocks[at]), u->owner);
  arena_free(&arena, u->blocks[at]);
  u->sizes[at] = 0;
}

static void use_blocks(void *argument) {
  struct user *u = argument;
  for (int i = 0; i < STEPS; i++) {
    const uint64_t at = next_random(u) % (i / 1000 % 2 ? HELD : 8);
    const uint64_t size = next_size(u);
    free_checked(u, at);
    if (arena_alloc(&arena, size, u->owner, &u->blocks[at])) continue;
    memset(map.base + u->blocks[at], (int)(u->owner * 31 + at), size);
    u->sizes[at] = size;
  }
  for (uint64_t at = 0; at < HELD; at++) free_checked(u, at);
}

static void threads_share_the_slabs(void) {
  static struct user users[THREADS];
  struct thread threads[THREADS];
  open_arena(GIB, 48 * MIB); /* less than they want now and then */
  for (uint32_t i = 0; i < THREADS; i++) {
    users[i].random = i + 1;
    users[i].owner = i + 1;
    CHECK_EQ(thread_start(&threads[i], use_blocks, &users[i], "user"), STATUS_OK);
  }
  for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
  CHECK(mapping_used(&map) <= 52 * MIB); /* each may be a block ahead */
  close_arena();
}

/* ---- charges --------------------------------------------------------------------------------- */

static struct accounts accounts;
static struct account account;

static status take_charged(uint64_t size, block_ref *out) {
  const struct arena_request request = {.size = size, .owner = OWNER, .account = &account};
  return arena_take(&arena, &request, out);
}

static void open_account(uint64_t limit) {
  open_arena(8 * GIB, UINT64_MAX);
  arena.accounts = &accounts;
  CHECK_EQ(account_open(&accounts, OWNER, limit, &account), STATUS_OK);
}

static void close_account(void) {
  CHECK_EQ(account_bytes(&accounts, &account), 0);
  account_close(&accounts, &account);
  accounts_validate(&accounts);
  close_arena();
}

/* In every size: freed, taken from an object, freed by an object, reaped. */
static void a_block_is_charged_until_it_is_freed_or_taken(void) {
  const uint64_t sizes[] = {1, 100, 4096, 60 * KIB, 100 * KIB, 5 * MIB};
  open_account(16 * MIB);
  const block_ref object = take(1024);
  const owner_id ring = owner_of_object(object);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    block_ref blocks[4];
    for (int k = 0; k < 4; k++) {
      CHECK_EQ(take_charged(sizes[i] / 2 + 1, &blocks[k]), STATUS_OK);
      CHECK(account_bytes(&accounts, &account) >= (uint64_t)(k + 1) * (sizes[i] / 2));
    }
    const uint64_t each = account_bytes(&accounts, &account) / 4;
    arena_free(&arena, blocks[0]);
    for (int k = 1; k < 3; k++) CHECK(arena_give(&arena, blocks[k], OWNER, ring));
    CHECK_EQ(account_bytes(&accounts, &account), 3 * each);
    CHECK(arena_hand_over(&arena, blocks[1], ring, OWNER));
    CHECK_EQ(account_bytes(&accounts, &account), 2 * each);
    CHECK(arena_free_of(&arena, blocks[2], ring));
    CHECK(!arena_free_of(&arena, blocks[2], ring));
    CHECK_EQ(account_bytes(&accounts, &account), each);
    arena_free(&arena, blocks[1]);
    CHECK(arena_give(&arena, blocks[3], OWNER, OTHER));
    arena_reap(&arena, OTHER);
    CHECK_EQ(account_bytes(&accounts, &account), 0);
  }
  arena_free(&arena, object);
  close_account();
}

static void a_charge_beyond_the_limit_changes_nothing(void) {
  block_ref block = 0;
  open_account(MIB);
  CHECK_EQ(take_charged(2 * MIB, &block), -ENOMEM);
  CHECK(account.has_refused);
  CHECK_EQ(arena_used(&arena), 0);
  CHECK_EQ(take_charged(600 * KIB, &block), STATUS_OK);
  CHECK_EQ(account_bytes(&accounts, &account), 600 * KIB);
  CHECK_EQ(arena_commit(&arena, block, MIB, &account), STATUS_OK);
  CHECK_EQ(account_bytes(&accounts, &account), MIB);
  arena_free(&arena, block);
  close_account();
}

/* What an account of before had charged is not credited to the next one. */
static void a_charge_ends_with_its_account(void) {
  block_ref old = 0;
  block_ref new = 0;
  open_account(MIB);
  CHECK_EQ(take_charged(1000, &old), STATUS_OK);
  account_close(&accounts, &account);
  CHECK_EQ(account_open(&accounts, OTHER, MIB, &account), STATUS_OK);
  CHECK_EQ(take_charged(1000, &new), STATUS_OK);
  arena_free(&arena, old);
  CHECK(account_bytes(&accounts, &account) >= 1000);
  arena_free(&arena, new);
  accounts_reap(&accounts, OTHER);
  CHECK_EQ(atomic_load(&accounts.owners[0]), 0);
  account.mark = 0;
  close_account();
}

/* A machine of 24 GB has room for 40 arrays of 512 MiB, and a small one keeps a quarter for all else. */
static void a_large_memory_is_used_but_for_some_gigabytes(void) {
  CHECK_EQ(arena_share_of(UINT64_C(1) << 30), UINT64_C(3) << 28);
  CHECK_EQ(arena_share_of(UINT64_C(64) << 30), UINT64_C(61) << 30);
  CHECK(arena_share_of(UINT64_C(24000) << 20) > UINT64_C(40) << 29);
}

int main(void) {
  a_large_memory_is_used_but_for_some_gigabytes();
  each_class_fits_and_rounds_little();
  blocks_of_all_sizes_do_not_overlap();
  there_are_as_many_large_blocks_as_there_is_room();
  memory_moves_between_sizes();
  data_leaves_a_reserve();
  a_block_grows_in_place();
  bits_that_a_death_cleared_are_set_by_the_reap();
  a_stranger_is_no_block();
  fragmentation_is_bounded();
  threads_share_the_slabs();
  a_block_is_charged_until_it_is_freed_or_taken();
  a_charge_beyond_the_limit_changes_nothing();
  a_charge_ends_with_its_account();
  return 0;
}
