/* SPDX-License-Identifier: MIT */
/* A sorted ring: the order of its messages, and death at each instant of an operation, as in
 * test_ring_kill.c.
 *
 * The dead child's message is there or not as the commit word says, the others come out in the
 * order of their keys, and no block is left allocated.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "os/process.h"
#include "shared/kill_point.h"
#include "shared/ring.h"
#include "shared/sweep.h"

enum { FIRST_HEAP = 32, MANY = 1100, LARGE = 20000, POINTS_MAX = 90, KEY_MAX = 40 };

static struct bytes inbox;
static uint8_t text[LARGE];

/* A key that is longer than what a slot has of it, so that the rest decides. */
static struct ring_key key_of(uint64_t number, uint8_t bytes[KEY_MAX]) {
  memset(bytes, 'k', KEY_MAX);
  for (int i = 0; i < 8; i++) bytes[24 + i] = (uint8_t)(number >> (8 * (7 - i)));
  return (struct ring_key){bytes, (uint32_t)(32 + number % 3)};
}

static status put_with(struct ring *r, uint64_t number, size_t size, const struct object_list *carried) {
  uint8_t bytes[KEY_MAX];
  const struct ring_key key = key_of(number, bytes);
  const struct ring_record record = {
      .head = &number, .head_size = sizeof number, .body = text, .body_size = size - sizeof number};
  return ring_put_sorted(r, &key, &record, carried, deadline_now());
}

static void put(struct ring *r, uint64_t number) {
  static const struct object_list nothing = {0};
  CHECK_EQ(put_with(r, number, number % 5 == 0 ? LARGE : 24, &nothing), STATUS_OK);
  ring_validate(r);
}

static bool take(struct ring *r, uint64_t *number) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return false;
  memcpy(number, m.data, sizeof *number);
  CHECK(memcmp(m.data + sizeof *number, text, m.size - sizeof *number) == 0);
  ring_message_done(&m);
  return true;
}

static struct ring *make_sorted(void) {
  struct ring *r = NULL;
  CHECK_EQ(ring_make(&r, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  ring_sort(r);
  return r;
}

/* ---- order ----------------------------------------------------------------------------------- */

static void the_least_key_comes_first_and_the_older_one_of_equals(void) {
  static const char *const keys[] = {"m",
                                     "b",
                                     "a longer key than a slot has of it, B",
                                     "b",
                                     "",
                                     "a longer key than a slot has of it",
                                     "a longer key than a slot has of it, A"};
  static const uint64_t wanted[] = {5, 6, 2, 1, 3, 0};
  struct ring *r = make_sorted();
  for (uint64_t i = 0; i < 7; i++) {
    if (!*keys[i]) continue;
    const struct ring_key key = {keys[i], (uint32_t)strlen(keys[i])};
    const struct ring_record record = {.head = &i, .head_size = sizeof i};
    const struct object_list nothing = {0};
    CHECK_EQ(ring_put_sorted(r, &key, &record, &nothing, deadline_now()), STATUS_OK);
    ring_validate(r);
  }
  for (size_t i = 0; i < 6; i++) {
    uint64_t number = 0;
    CHECK(take(r, &number));
    CHECK_EQ(number, wanted[i]);
    ring_validate(r);
  }
  segment_release(&r->object);
}

static void many_messages_come_out_sorted_and_the_heap_is_given_back(void) {
  const uint64_t blocks = arena_used(segment_arena());
  struct ring *r = make_sorted();
  const uint64_t own = arena_used(segment_arena());
  for (uint64_t i = 0; i < MANY; i++) put(r, i * 7919 % MANY);
  for (uint64_t i = 0; i < MANY; i++) {
    uint64_t number = 0;
    CHECK(take(r, &number));
    CHECK_EQ(number, i);
  }
  ring_validate(r);
  CHECK_EQ(arena_used(segment_arena()), own);
  segment_release(&r->object);
  CHECK_EQ(arena_used(segment_arena()), blocks);
}

/* A word of the segment, for claims. */
static _Atomic uint64_t *claim;

static void a_claim_is_the_number_of_the_message_that_was_taken(void) {
  enum { SERIES = 2, MESSAGES = 5 };
  struct ring *r = make_sorted();
  ring_number_in_series(r, SERIES);
  for (uint64_t i = 1; i <= MESSAGES; i++) put(r, MESSAGES + 1 - i);
  for (uint64_t i = MESSAGES; i >= 1; i--) {
    struct ring_message m;
    CHECK_EQ(ring_take_claimed(r, &inbox, &m, claim), STATUS_OK);
    CHECK_EQ(m.number, ((uint64_t)SERIES << RING_SERIES_SHIFT) + i);
    CHECK_EQ(atomic_load(claim), m.number);
    ring_message_done(&m);
    ring_validate(r);
  }
  segment_release(&r->object);
  atomic_store(claim, 0);
}

/* ---- death ----------------------------------------------------------------------------------- */

#if defined(MM_KILL_POINTS)

/* What the child does while the point is armed: it puts a message before all others and one behind, or takes. */
struct deed {
  uint64_t before; /* messages in the ring: 10, 11, … */
  void (*act)(struct ring *r);
  bool takes;
};

static void act_put_first(struct ring *r) { put(r, 1); }
static void act_put_last(struct ring *r) { put(r, 5000); }
static void act_take(struct ring *r) {
  uint64_t number = 0;
  CHECK(take(r, &number));
}
static void act_claim(struct ring *r) {
  struct ring_message m;
  CHECK_EQ(ring_take_claimed(r, &inbox, &m, claim), STATUS_OK);
  ring_message_done(&m);
}
static void act_put_carrying(struct ring *r) {
  struct ring *carried = make_sorted();
  const object_ref reference = segment_object_ref(&carried->object);
  CHECK_EQ(put_with(r, 1, 24, &(struct object_list){&reference, 1}), STATUS_OK);
  segment_release(&carried->object);
}

static const struct deed deeds[] = {{0, act_put_first, false},          {3, act_put_first, false},
                                    {3, act_put_last, false},           {3, act_take, true},
                                    {FIRST_HEAP, act_put_first, false}, {3, act_put_carrying, false},
                                    {FIRST_HEAP, act_take, true},       {3, act_claim, true}};

static bool die_at(const struct deed *deed, struct ring *r, long point) {
  struct child_slot place;
  CHECK_EQ(segment_reserve_slot(&place), STATUS_OK);
  segment_share_with_child(place.slot, NULL);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  if (pid == 0) {
    segment_after_fork(place.slot);
    kill_point_arm(NULL, point);
    deed->act(r);
    _exit(0);
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  ring_settle(r);
  segment_forget_child(place);
  CHECK(WIFSIGNALED(report) || WEXITSTATUS(report) == 0);
  return WIFSIGNALED(report);
}

/* The ring is used before it is looked at: by a put, then by takes. */
static void check_rest(const struct deed *deed, struct ring *r, bool got_through) {
  put(r, 7);
  ring_validate(r);
  uint64_t wanted = 10;
  bool was_put = false;
  bool was_taken = false;
  uint64_t number = 0;
  for (uint64_t before = 0; take(r, &number); before = number) {
    CHECK(number > before);
    if (number == 1 || number == 5000) {
      was_put = true;
    } else if (number != 7) {
      was_taken = was_taken || (deed->takes && wanted == 10 && number == 11);
      if (was_taken && wanted == 10) wanted = 11;
      CHECK_EQ(number, wanted);
      wanted++;
    }
  }
  CHECK_EQ(wanted, 10 + deed->before);
  if (deed->act == act_claim) CHECK_EQ(atomic_load(claim), was_taken ? deed->before : 0);
  if (got_through && !deed->takes) CHECK(was_put);
}

static void one_death(const struct deed *deed, long point, bool *got_through) {
  const uint64_t blocks = arena_used(segment_arena());
  struct ring *r = make_sorted();
  atomic_store(claim, 0);
  for (uint64_t i = 0; i < deed->before; i++) put(r, 10 + deed->before - 1 - i);
  *got_through = !die_at(deed, r, point);
  check_rest(deed, r, *got_through);
  CHECK_EQ(ring_count(r), 0);
  ring_validate(r);
  segment_release(&r->object);
  segment_sweep();
  CHECK_EQ(arena_used(segment_arena()), blocks);
  arena_validate(segment_arena());
}

static void a_death_at_any_point_leaves_the_ring_whole(const struct deed *deed) {
  bool got_through = false;
  long point = 1;
  for (; !got_through && point < POINTS_MAX; point++) one_death(deed, point, &got_through);
  CHECK(got_through);
  CHECK(point > 8); /* there were points to die at */
}

static void deaths_leave_it_whole(void) {
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
    a_death_at_any_point_leaves_the_ring_whole(&deeds[i]);
}

#else
static void deaths_leave_it_whole(void) {}
#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 31);
  block_ref word = 0;
  CHECK_EQ(segment_alloc(sizeof(uint64_t), &word), STATUS_OK);
  claim = segment_at(word);
  the_least_key_comes_first_and_the_older_one_of_equals();
  many_messages_come_out_sorted_and_the_heap_is_given_back();
  a_claim_is_the_number_of_the_message_that_was_taken();
  deaths_leave_it_whole();
  bytes_fini(&inbox);
  return 0;
}
