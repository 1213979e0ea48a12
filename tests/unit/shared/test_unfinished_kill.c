/* SPDX-License-Identifier: MIT */
/* Death at each instant of a change of a ring's unfinished messages: taking, reporting, abandoning,
 * and handling another process's death.
 *
 * A child runs into the n-th kill point, for n = 1, 2, … until it survives. After each death the
 * counts are right, no message is unfinished without a process that took it, and a join does not
 * wait.
 */
#include <stdlib.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/ring.h"
#include "shared/unfinished.h"

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { MESSAGES = 4, POINTS_MAX = 60 };

static struct bytes inbox;

static bool take(struct ring *r) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return false;
  ring_message_done(&m);
  return true;
}

static void put_all(struct ring *r) {
  const struct ring_record record = {.head = "record", .head_size = 6};
  for (int i = 0; i < MESSAGES; i++) CHECK_EQ(ring_put(r, &record, deadline_now()), STATUS_OK);
}

struct scene {
  struct ring *ring;
  struct child_slot dead; /* took two messages; dead and not swept */
};

static void act_take(void *scene) {
  struct scene *s = scene;
  CHECK(take(s->ring));
}
static void act_report(void *scene) {
  struct scene *s = scene;
  CHECK(take(s->ring));
  CHECK(ring_report_done(s->ring));
}
static void act_abandon(void *scene) {
  struct scene *s = scene;
  CHECK(take(s->ring));
  ring_abandon(s->ring, 1);
}
static void act_owner_died(void *scene) {
  struct scene *s = scene;
  segment_forget_child(s->dead);
}

static const struct deed {
  const char *name;
  void (*act)(void *scene);
} deeds[] = {
    {"take", act_take}, {"report", act_report}, {"abandon", act_abandon}, {"owner died", act_owner_died}};

static void take_two(void *scene) {
  struct scene *s = scene;
  CHECK(take(s->ring));
  CHECK(take(s->ring));
}

/* Takes and reports the rest: then all messages are done, and no report is missing or too many. */
static void settle(struct ring *r) {
  uint64_t abandoned = 0;
  ring_validate(r);
  while (take(r)) CHECK(ring_report_done(r));
  CHECK_EQ(ring_wait_done(r, &abandoned, deadline_now()), STATUS_OK);
  CHECK(abandoned >= 2 && abandoned <= 3);
  CHECK(!ring_report_done(r));
  ring_validate(r);
}

static bool one_death(size_t number, long point) {
  const struct deed *deed = &deeds[number];
  const uint64_t blocks = arena_used(segment_arena());
  struct scene s;
  struct child_slot place;
  CHECK_EQ(ring_make(&s.ring, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_count_unfinished(s.ring), STATUS_OK);
  put_all(s.ring);
  CHECK(!run_doomed_child(take_two, &s, 0, &s.dead));
  const bool has_died = run_doomed_child(deed->act, &s, point, &place);
  segment_forget_child(place);
  segment_forget_child(s.dead);
  settle(s.ring);
  segment_release(&s.ring->object);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  wakers_validate(segment_wakers());
  return has_died;
}

int main(void) {
  run_kill_test(one_death, sizeof deeds / sizeof *deeds, POINTS_MAX);
  bytes_fini(&inbox);
  return 0;
}

#else
int main(void) { return 0; }
#endif
