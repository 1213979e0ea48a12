/* SPDX-License-Identifier: MIT */
/* Death at each instant of what changes a ring's account: taking, reporting, abandoning, and mourning
 * somebody else. A child walks into the n-th kill point, for n = 1, 2, … until it survives; after each death
 * the account is whole, nothing is open that nobody has, and who joins does not wait.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message.h"
#include "os/clock.h"
#include "shared/account.h"
#include "shared/kill_point.h"
#include "shared/ring.h"

#if defined(MM_KILL_POINTS)

enum { MESSAGES = 4, POINTS_MAX = 60 };

static struct bytes inbox;

static bool take(struct ring *r) {
  struct ring_message m;
  if (ring_take(r, &inbox, &m, deadline_now())) return false;
  ring_message_done(&m);
  return true;
}

static void put_all(struct ring *r) {
  const struct ring_letter letter = {.head = "letter", .head_size = 6};
  for (int i = 0; i < MESSAGES; i++) CHECK_EQ(ring_put(r, &letter, deadline_now()), STATUS_OK);
}

struct scene {
  struct ring *ring;
  struct child_slot dead; /* took two messages, and is gone unmourned */
};

static void act_take(struct scene *s) { CHECK(take(s->ring)); }
static void act_report(struct scene *s) {
  CHECK(take(s->ring));
  CHECK(ring_report_done(s->ring));
}
static void act_abandon(struct scene *s) {
  CHECK(take(s->ring));
  ring_abandon(s->ring, 1);
}
static void act_mourn(struct scene *s) { commons_forget_child(s->dead); }

static const struct deed {
  const char *name;
  void (*act)(struct scene *s);
} deeds[] = {{"take", act_take}, {"report", act_report}, {"abandon", act_abandon}, {"mourn", act_mourn}};

/* Forks a child that does `act`, and dies at that point (0: none). True when it died there. */
static bool run_child(struct scene *s, void (*act)(struct scene *s), long point, struct child_slot *place) {
  CHECK_EQ(commons_reserve_slot(place), STATUS_OK);
  commons_share_with_child(place->slot, NULL);
  const pid_t pid = fork();
  if (pid == 0) {
    commons_after_fork(place->slot);
    kill_point_arm(NULL, point);
    act(s);
    _exit(0);
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  CHECK(WIFSIGNALED(report) || WEXITSTATUS(report) == 0);
  return WIFSIGNALED(report);
}

static void take_two(struct scene *s) {
  CHECK(take(s->ring));
  CHECK(take(s->ring));
}

/* What is left is taken and reported here; then all is done, and no report is missing or too many. */
static void settle(struct ring *r) {
  uint64_t abandoned = 0;
  ring_validate(r);
  while (take(r)) CHECK(ring_report_done(r));
  CHECK_EQ(ring_wait_done(r, &abandoned, deadline_now()), STATUS_OK);
  CHECK(abandoned >= 2 && abandoned <= 3);
  CHECK(!ring_report_done(r));
  ring_validate(r);
}

static bool one_death(const struct deed *deed, long point) {
  const uint64_t blocks = arena_used(commons_arena(), commons_mapping());
  struct scene s;
  struct child_slot place;
  CHECK_EQ(ring_make(&s.ring, 0, RING_GROWS), STATUS_OK);
  CHECK_EQ(ring_keep_account(s.ring), STATUS_OK);
  put_all(s.ring);
  CHECK(!run_child(&s, take_two, 0, &s.dead));
  const bool has_died = run_child(&s, deed->act, point, &place);
  commons_forget_child(place);
  commons_forget_child(s.dead);
  settle(s.ring);
  commons_release(&s.ring->object);
  CHECK_EQ(arena_used(commons_arena(), commons_mapping()), blocks);
  bells_validate(commons_bells());
  return has_died;
}

int main(void) {
  CHECK_EQ(commons_open(), STATUS_OK);
  channel_register_kinds();
  for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
    long point = 1;
    while (one_death(&deeds[i], point)) CHECK(++point < POINTS_MAX);
    CHECK(point > 4); /* there were points to die at */
  }
  bytes_fini(&inbox);
  commons_close();
  return 0;
}

#else
int main(void) { return 0; }
#endif
