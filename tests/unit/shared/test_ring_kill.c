/* SPDX-License-Identifier: MIT */
/* Death at each instant of a ring operation: a child runs into the n-th kill point, for n = 1, 2, …
 * until it survives. The child that repairs what it left dies at each instant of that as well.
 *
 * After each death the parent, and then a second child, use the ring: it is whole, the dead child's
 * message is there or not as the commit word says, no message is torn or doubled, and no block is
 * left allocated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "os/process.h"
#include "shared/block_bytes.h"
#include "shared/kill_point.h"
#include "shared/ring.h"
#include "shared/sweep.h"

#if defined(MM_KILL_POINTS)

/* Storages of 16 KiB have room for SECOND_FILL pieces, those of 64 KiB for LAST_FILL. */
enum { SMALL = 24, LARGE = 20000, PIECE = 4000, SECOND_FILL = 4, LAST_FILL = 16, POINTS_MAX = 90 };
enum { FIRST_FILL = 63, BATCH = 5 }; /* a storage of 2 KiB has room for FIRST_FILL small messages */

static struct bytes inbox;
static uint8_t text[LARGE];

static status put(struct ring *r, uint64_t number, size_t size) {
  const struct ring_record record = {
      .head = &number, .head_size = sizeof number, .body = text, .body_size = size - sizeof number};
  return ring_put(r, &record, deadline_now());
}

static bool take(struct ring *r, uint64_t *number) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return false;
  memcpy(number, m.data, sizeof *number);
  CHECK(memcmp(m.data + sizeof *number, text, m.size - sizeof *number) == 0);
  ring_message_done(&m);
  return true;
}

/* A deed: what the child does while the point is armed. */
struct deed {
  const char *name;
  void (*prepare)(struct ring *r);
  void (*act)(struct ring *r, _Atomic uint64_t *claim);
  int put;   /* messages that it puts if it survives, numbered from 1000 */
  int taken; /* messages that it takes from the front */
};

static void nothing(struct ring *r) { (void)r; }
static void put_three(struct ring *r) {
  for (uint64_t i = 1; i <= 3; i++) CHECK_EQ(put(r, i, SMALL), STATUS_OK);
}
static void put_three_large(struct ring *r) {
  for (uint64_t i = 1; i <= 3; i++) CHECK_EQ(put(r, i, LARGE), STATUS_OK);
}
static void fill_first_storage(struct ring *r) {
  for (uint64_t i = 1; i <= FIRST_FILL; i++) CHECK_EQ(put(r, i, SMALL), STATUS_OK);
}
static void put_pieces(struct ring *r, int count) {
  for (int i = 1; i <= count; i++) CHECK_EQ(put(r, (uint64_t)i, PIECE), STATUS_OK);
}
/* The next piece begins another storage. */
static void fill_second_storage(struct ring *r) { put_pieces(r, SECOND_FILL); }
static void fill_last_storage(struct ring *r) { put_pieces(r, SECOND_FILL + LAST_FILL); }

/* The next take is of the first record in another storage. */
static void begin_behind(struct ring *r, int before) {
  uint64_t number;
  CHECK_EQ(put(r, 1, PIECE), STATUS_OK);
  for (uint64_t i = 2; i <= 3; i++) CHECK_EQ(put(r, i, SMALL), STATUS_OK);
  for (int i = 0; i < before; i++) CHECK(take(r, &number));
}
static void leave_first_storage(struct ring *r) { begin_behind(r, 0); }
static void leave_second_storage(struct ring *r) {
  put_pieces(r, SECOND_FILL);
  begin_behind(r, SECOND_FILL);
}
static void leave_last_storage(struct ring *r) {
  put_pieces(r, SECOND_FILL + LAST_FILL);
  begin_behind(r, SECOND_FILL + LAST_FILL);
}
/* The next piece is written behind filler. */
static void come_to_the_wrap(struct ring *r) {
  uint64_t number;
  put_pieces(r, SECOND_FILL);
  for (int i = 0; i < SECOND_FILL; i++) CHECK(take(r, &number));
}

static void act_put_piece(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  CHECK_EQ(put(r, 1000, PIECE), STATUS_OK);
}

static void act_put(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  CHECK_EQ(put(r, 1000, SMALL), STATUS_OK);
}
static void act_put_large(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  CHECK_EQ(put(r, 1000, LARGE), STATUS_OK);
}
/* The array may be half filled, or may grow, when its owner dies. */
static void act_put_block(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  struct bytes b;
  bytes_init(&b);
  block_bytes_begin(&b);
  for (int i = 0; i < 5; i++) CHECK_EQ(bytes_append(&b, text, LARGE), STATUS_OK);
  b.len = LARGE - 8;
  const uint64_t number = 1000;
  const struct ring_record record = {
      .head = &number, .head_size = sizeof number, .body = b.data, .body_size = b.len};
  CHECK_EQ(ring_put_block(r, &record, block_bytes_block(&b), deadline_now()), STATUS_OK);
}
static void act_take(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  uint64_t number;
  CHECK(take(r, &number));
}
static void act_claim(struct ring *r, _Atomic uint64_t *claim) {
  struct ring_message m;
  CHECK_EQ(ring_take_claimed(r, &inbox, &m, claim), STATUS_OK);
  ring_message_done(&m);
}

/* Several at once: they are all there, or none. The second batch begins a storage. */
static void act_put_batch(struct ring *r, _Atomic uint64_t *claim) {
  static struct ring_batch batch;
  uint32_t count = 0;
  (void)claim;
  for (uint64_t i = 1000; i < 1000 + BATCH; i++) {
    const struct ring_record record = {.head = &i, .head_size = sizeof i, .body = text, .body_size = 8};
    CHECK(ring_batch_add(&batch, &record));
  }
  CHECK_EQ(ring_put_batch(r, &batch, &count), STATUS_OK);
}
static bool is_any(const uint8_t *data, size_t size) { return data && size; }
static void act_take_batch(struct ring *r, _Atomic uint64_t *claim) {
  static struct ring_batch batch;
  (void)claim;
  CHECK_EQ(ring_take_batch(r, &batch, BATCH, is_any), STATUS_OK);
}
static void put_a_batch_behind(struct ring *r) {
  for (uint64_t i = 1; i <= 2 * BATCH; i++) CHECK_EQ(put(r, i, SMALL), STATUS_OK);
}

static const struct deed deeds[] = {
    {"put", put_three, act_put, 1, 0},
    {"put large", put_three_large, act_put_large, 1, 0},
    {"put a block", put_three_large, act_put_block, 1, 0},
    {"put that wraps", come_to_the_wrap, act_put_piece, 1, 0},
    {"put that begins the second storage", put_three, act_put_piece, 1, 0},
    {"put that begins the last storage", fill_second_storage, act_put_piece, 1, 0},
    {"put that begins a storage like the one before", fill_last_storage, act_put_piece, 1, 0},
    {"take that leaves the first storage", leave_first_storage, act_take, 0, 1},
    {"take that leaves the second storage", leave_second_storage, act_take, 0, 1},
    {"take that leaves a storage like the next", leave_last_storage, act_take, 0, 1},
    {"put into an empty ring", nothing, act_put, 1, 0},
    {"put several", put_three, act_put_batch, BATCH, 0},
    {"put several that begin a storage", fill_first_storage, act_put_batch, BATCH, 0},
    {"take several", put_a_batch_behind, act_take_batch, 0, BATCH},
    {"take", put_three, act_take, 0, 1},
    {"take large", put_three_large, act_take, 0, 1},
    {"take with a claim", put_three, act_claim, 0, 1},
    {"take large with a claim", put_three_large, act_claim, 0, 1},
};

/* Where a child dies: at the first point of its deed, then another one at the second point of what it
 * repairs. */
struct death {
  long point;
  long repair_point;
};

static void act_repair(struct ring *r, _Atomic uint64_t *claim) {
  (void)claim;
  (void)ring_count(r);
}

/* True when the child died at the armed point. The ring is as it left it. */
static bool die_at(void (*act)(struct ring *r, _Atomic uint64_t *claim), struct ring *r,
                   _Atomic uint64_t *claim, long point, struct child_slot *place) {
  CHECK_EQ(segment_reserve_slot(place), STATUS_OK);
  segment_share_with_child(place->slot, NULL);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  if (pid == 0) {
    segment_after_fork(place->slot);
    kill_point_arm(NULL, point);
    act(r, claim);
    _exit(0);
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  CHECK(WIFSIGNALED(report) || WEXITSTATUS(report) == 0);
  return WIFSIGNALED(report);
}

/* The other messages come out in order; those of the dead child are all there or none is, and its claim
 * agrees. */
static void check_rest(const struct deed *deed, struct ring *r, uint64_t claim, uint64_t before) {
  const uint64_t put_first = 1000;
  uint64_t first = 1;
  uint64_t seen[FIRST_FILL + BATCH + 1];
  size_t count = 0;
  while (take(r, &seen[count])) count++;
  const bool was_taken = deed->taken && count && seen[0] == 1 + (uint64_t)deed->taken;
  const bool was_put = count && seen[count - 1] >= put_first;
  if (was_taken) first = seen[0];
  CHECK(claim == 0 || was_taken);
  if (deed->act == act_claim) CHECK_EQ(claim, was_taken ? 1 : 0);
  CHECK_EQ(count, before - first + 1 + (was_put ? (uint64_t)deed->put : 0));
  for (size_t i = 0; i < count; i++) {
    const bool is_new = first + i > before;
    CHECK_EQ(seen[i], is_new ? put_first + first + i - before - 1 : first + i);
  }
}

/* Returns how many of the two died. */
static int one_death(const struct deed *deed, struct death death) {
  const uint64_t blocks = arena_used(segment_arena());
  block_ref claim_block = 0;
  CHECK_EQ(segment_alloc(sizeof(uint64_t), &claim_block), STATUS_OK);
  _Atomic uint64_t *claim = segment_at(claim_block);
  atomic_store(claim, 0);
  struct ring *r = NULL;
  struct child_slot dead, second;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  deed->prepare(r);
  const uint64_t before = ring_count(r);
  int deaths = die_at(deed->act, r, claim, death.point, &dead);
  if (deaths && death.repair_point) {
    deaths += die_at(act_repair, r, claim, death.repair_point, &second);
    ring_settle(r);
    segment_forget_child(second);
  }
  ring_settle(r);
  segment_forget_child(dead);
  ring_validate(r);
  check_rest(deed, r, atomic_load(claim), before);
  CHECK_EQ(ring_count(r), 0);
  ring_validate(r);
  segment_release(&r->object);
  segment_free(claim_block);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  arena_validate(segment_arena());
  return deaths;
}

static void a_death_at_any_point_leaves_the_ring_whole(const struct deed *deed) {
  struct death death = {.point = 1};
  while (death.point < POINTS_MAX && one_death(deed, death) == 1) {
    death.repair_point = 1;
    while (one_death(deed, death) == 2) death.repair_point++;
    death = (struct death){.point = death.point + 1};
  }
  CHECK(death.point > 3 && death.point < POINTS_MAX);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 31);
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
    a_death_at_any_point_leaves_the_ring_whole(&deeds[i]);
  bytes_fini(&inbox);
  return 0;
}

#else
int main(void) { return 0; }
#endif
