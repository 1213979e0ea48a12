/* SPDX-License-Identifier: MIT */
/* Locks and semaphores: what is taken, returned, refused, left behind by the dead, and which waiter
 * has it next. Death at each instant of all this is in test_sync_kill.c.
 *
 * A waiter that has waited for long is one whose time of arrival is put back; no test waits for
 * that.
 */
#include "shared/permits.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "channel/message_refs.h"
#include "os/clock.h"
#include "os/thread.h"
#include "shared/holds.h"
#include "shared/sweep.h"
#include "sharing_child.h"

enum { THREADS = 8, CROWD = 80 /* more than a lock has waiters */, TURNS = 500 };

static struct synchronizer *s; /* of the test at hand */

static struct execution_context agent(uint64_t thread) {
  return (struct execution_context){segment_slot(), thread};
}

static void begin(enum lock_kind kind, uint64_t initial) {
  CHECK_EQ(synchronizer_make(kind, initial, &s), STATUS_OK);
}

static void validate(void) { synchronizer_validate(s); }

/* No waiter is left in line. */
static void end(void) {
  validate();
  CHECK_EQ(atomic_load(&s->occupied), 0);
  segment_release(&s->object);
}

/* Without waiting. Its holder before was not gone. */
static status try_take(uint64_t thread) {
  struct synchronizer_wait w = {0};
  bool was_abandoned = false;
  const status st = permits_take(s, agent(thread), &w, deadline_now(), &was_abandoned);
  CHECK(w.waiter == NULL);
  if (st == STATUS_OK) CHECK(!was_abandoned);
  validate();
  return st;
}

static void take(uint64_t thread) { CHECK_EQ(try_take(thread), STATUS_OK); }

/* Its holder is gone, and its taker learns of that. */
static void take_abandoned(uint64_t thread) {
  struct synchronizer_wait w = {0};
  bool was_abandoned = false;
  CHECK_EQ(permits_take(s, agent(thread), &w, deadline_now(), &was_abandoned), STATUS_OK);
  CHECK(was_abandoned);
  validate();
}

static status give(uint64_t thread, uint64_t count) {
  const status st = permits_return(s, agent(thread), count);
  validate();
  return st;
}

/* ---- one at a time --------------------------------------------------------------------------- */

static void a_lock_has_one_holder_and_any_thread_may_return_it(void) {
  struct execution_context holder = {0, 0};
  begin(LOCK_KIND_LOCK, 1);
  CHECK(!permits_holder(s, &holder));
  CHECK_EQ(give(1, 1), STATUS_EMPTY);
  take(1);
  CHECK(permits_is_held_by(s, agent(1)) && !permits_is_held_by(s, agent(2)));
  CHECK(permits_holder(s, &holder) && holder.thread == 1 && holder.slot == segment_slot());
  CHECK_EQ(permits_free(s), 0);
  CHECK_EQ(try_take(1), STATUS_TIMEOUT); /* not even by its holder */
  CHECK_EQ(try_take(2), STATUS_TIMEOUT);
  CHECK_EQ(give(2, 1), STATUS_OK);
  CHECK_EQ(permits_free(s), 1);
  CHECK_EQ(give(1, 1), STATUS_EMPTY);
  end();
}

static void a_recursive_lock_is_free_when_it_was_returned_as_often_as_taken(void) {
  begin(LOCK_KIND_RLOCK, 1);
  CHECK_EQ(give(1, 1), STATUS_EMPTY);
  for (int i = 0; i < 5; i++) take(1);
  for (int i = 0; i < 5; i++) {
    CHECK_EQ(try_take(2), STATUS_TIMEOUT);
    CHECK_EQ(give(2, 1), STATUS_FOREIGN);
    CHECK_EQ(give(1, 1), STATUS_OK);
  }
  CHECK(!permits_is_held_by(s, agent(1)));
  take(2);
  CHECK_EQ(give(2, 1), STATUS_OK);
  end();
}

static void a_recursive_lock_is_returned_as_a_whole_and_is_as_deep_again(void) {
  begin(LOCK_KIND_RLOCK, 1);
  for (int i = 0; i < 4; i++) take(1);
  CHECK_EQ(permits_return_all(s, agent(2)), 0);
  const uint32_t depth = permits_return_all(s, agent(1));
  CHECK_EQ(depth, 4);
  take(2);
  CHECK_EQ(permits_return_all(s, agent(1)), 0);
  CHECK_EQ(give(2, 1), STATUS_OK);
  take(1);
  permits_set_depth(s, depth);
  for (int i = 0; i < 4; i++) {
    CHECK(permits_is_held_by(s, agent(1)));
    CHECK_EQ(give(1, 1), STATUS_OK);
  }
  CHECK_EQ(permits_free(s), 1);
  end();
}

static void a_semaphore_counts_beyond_what_it_began_with(void) {
  begin(LOCK_KIND_SEMAPHORE, 0);
  CHECK_EQ(try_take(1), STATUS_TIMEOUT);
  CHECK_EQ(give(1, 3), STATUS_OK);
  for (uint64_t i = 0; i < 3; i++) take(i);
  CHECK_EQ(try_take(1), STATUS_TIMEOUT);
  CHECK_EQ(give(1, UINT64_MAX), STATUS_OK);
  CHECK_EQ(give(1, 1), STATUS_TOO_LARGE);
  CHECK_EQ(permits_free(s), UINT64_MAX);
  end();
}

static void a_bounded_semaphore_takes_back_no_more_than_its_bound(void) {
  begin(LOCK_KIND_BOUNDED_SEMAPHORE, 3);
  CHECK_EQ(give(1, 1), STATUS_TOO_LARGE);
  take(1);
  take(1);
  CHECK_EQ(give(1, 3), STATUS_TOO_LARGE);
  CHECK_EQ(permits_free(s), 1); /* all or none */
  CHECK_EQ(give(2, 2), STATUS_OK);
  CHECK_EQ(give(2, 1), STATUS_TOO_LARGE);
  CHECK_EQ(permits_free(s), 3);
  end();
}

/* ---- waiting --------------------------------------------------------------------------------- */

enum arrival { JUST_NOW, LONG_AGO };

/* Comes to stand in line, or goes on waiting there, and gets nothing. */
static void stand_in_line(struct synchronizer_wait *w, uint64_t thread, enum arrival arrival) {
  bool was_abandoned = false;
  do CHECK_EQ(permits_take(s, agent(thread), w, deadline_after(0.0001), &was_abandoned), STATUS_TIMEOUT);
  while (!w->waiter); /* the deadline had passed before it was looked at */
  w->waiter->since_ns = arrival == LONG_AGO ? 0 : INT64_MAX / 2;
}

static status collect(struct synchronizer_wait *w, uint64_t thread) {
  bool was_abandoned = false;
  const status st = permits_take(s, agent(thread), w, deadline_now(), &was_abandoned);
  validate();
  return st;
}

/* ---- the lock word --------------------------------------------------------------------------- */

static bool is_word_open(void) { return lock_word_is_open(atomic_load(&s->word)); }

static void a_lock_that_nobody_waits_for_is_held_by_its_word_alone(enum lock_kind kind) {
  struct synchronizer_wait w = {0};
  begin(kind, 1);
  CHECK(is_word_open());
  take(1);
  CHECK(is_word_open() && permits_is_held_by(s, agent(1)));
  CHECK_EQ(try_take(2), STATUS_TIMEOUT);
  CHECK(is_word_open());
  stand_in_line(&w, 2, JUST_NOW);
  CHECK(!is_word_open() && permits_is_held_by(s, agent(1)));
  CHECK_EQ(give(1, 1), STATUS_OK);
  CHECK_EQ(collect(&w, 2), STATUS_OK);
  CHECK(is_word_open() && permits_is_held_by(s, agent(2)));
  CHECK_EQ(give(2, 1), STATUS_OK);
  CHECK(is_word_open());
  end();
}

/* A number that the word cannot hold is kept in `now`. */
static void a_thread_of_any_number_may_hold_a_lock(enum lock_kind kind) {
  const uint64_t numbers[] = {1, ((uint64_t)1 << 48) - 1, (uint64_t)1 << 48, UINT64_MAX};
  struct execution_context holder = {0, 0};
  begin(kind, 1);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    take(numbers[i]);
    CHECK(permits_holder(s, &holder) && holder.thread == numbers[i] && holder.slot == segment_slot());
    CHECK_EQ(try_take(2), STATUS_TIMEOUT);
    CHECK_EQ(give(numbers[i], 1), STATUS_OK);
    CHECK_EQ(permits_free(s), 1);
  }
  end();
}

static void a_recursive_lock_is_taken_as_often_as_its_holder_likes(void) {
  enum { DEEP = 3 * LOCK_WORD_DEPTH_MOST };
  begin(LOCK_KIND_RLOCK, 1);
  for (int i = 0; i < DEEP; i++) {
    take(1);
    CHECK_EQ(is_word_open(), i < LOCK_WORD_DEPTH_MOST);
  }
  for (int i = DEEP - 1; i >= 0; i--) {
    CHECK_EQ(try_take(2), STATUS_TIMEOUT);
    CHECK_EQ(give(1, 1), STATUS_OK);
    CHECK_EQ(is_word_open(), i <= LOCK_WORD_DEPTH_MOST);
  }
  CHECK_EQ(permits_free(s), 1);
  end();
}

/* ---- those that wait ------------------------------------------------------------------------- */

static void a_passer_by_may_take_what_a_waiter_was_woken_for(void) {
  struct synchronizer_wait w = {0};
  begin(LOCK_KIND_LOCK, 1);
  take(1);
  stand_in_line(&w, 2, JUST_NOW);
  CHECK_EQ(give(1, 1), STATUS_OK);
  CHECK_EQ(synchronizer_waiter_state(&w), WAITER_WOKEN);
  take(3);
  CHECK_EQ(collect(&w, 2), STATUS_TIMEOUT);
  CHECK(w.waiter != NULL); /* and keeps its waiter */
  stand_in_line(&w, 2, JUST_NOW);
  CHECK_EQ(synchronizer_waiter_state(&w), WAITER_WAITING);
  CHECK_EQ(give(3, 1), STATUS_OK);
  CHECK_EQ(collect(&w, 2), STATUS_OK);
  CHECK(permits_is_held_by(s, agent(2)) && !w.waiter);
  CHECK_EQ(give(2, 1), STATUS_OK);
  end();
}

static void a_waiter_that_has_waited_for_long_is_given_the_next_one(void) {
  struct synchronizer_wait w = {0};
  begin(LOCK_KIND_LOCK, 1);
  take(1);
  stand_in_line(&w, 2, LONG_AGO);
  CHECK_EQ(give(1, 1), STATUS_OK);
  CHECK_EQ(synchronizer_waiter_state(&w), WAITER_GRANTED);
  CHECK_EQ(permits_free(s), 1);
  CHECK_EQ(try_take(3), STATUS_TIMEOUT); /* free, but spoken for */
  CHECK_EQ(collect(&w, 2), STATUS_OK);
  CHECK_EQ(give(2, 1), STATUS_OK);
  end();
}

static void permits_go_to_those_who_came_first_and_no_further_than_they_go(void) {
  struct synchronizer_wait w[4] = {{0}};
  begin(LOCK_KIND_SEMAPHORE, 0);
  for (uint64_t i = 0; i < 4; i++) stand_in_line(&w[i], i, LONG_AGO);
  CHECK_EQ(give(9, 2), STATUS_OK);
  for (int i = 0; i < 4; i++)
    CHECK_EQ(synchronizer_waiter_state(&w[i]), i < 2 ? WAITER_GRANTED : WAITER_WAITING);
  CHECK_EQ(collect(&w[2], 2), STATUS_TIMEOUT);
  CHECK_EQ(give(9, 1), STATUS_OK);
  CHECK_EQ(synchronizer_waiter_state(&w[2]), WAITER_GRANTED);
  CHECK_EQ(synchronizer_waiter_state(&w[3]), WAITER_WAITING);
  CHECK_EQ(try_take(9), STATUS_TIMEOUT);
  CHECK_EQ(give(9, 2), STATUS_OK);
  take(9);
  for (uint64_t i = 0; i < 4; i++) CHECK_EQ(collect(&w[i], i), STATUS_OK);
  end();
}

static void a_waiter_that_gives_up_passes_on_what_it_was_given(void) {
  struct synchronizer_wait w[3] = {{0}};
  begin(LOCK_KIND_LOCK, 1);
  take(9);
  for (uint64_t i = 0; i < 3; i++) stand_in_line(&w[i], i, LONG_AGO);
  permits_give_up(s, &w[1]);
  CHECK(w[1].waiter == NULL);
  permits_give_up(s, &w[1]);
  CHECK_EQ(give(9, 1), STATUS_OK);
  permits_give_up(s, &w[0]);
  validate();
  CHECK_EQ(synchronizer_waiter_state(&w[2]), WAITER_GRANTED);
  permits_give_up(s, &w[2]);
  take(9);
  CHECK_EQ(give(9, 1), STATUS_OK);
  end();
}

static void what_is_returned_rings_the_wakers_that_were_left(void) {
  struct waker_hold hold;
  begin(LOCK_KIND_LOCK, 1);
  take(1);
  wakers_take(segment_wakers(), segment_slot(), &hold);
  const uint32_t seen = wakers_seen(&hold);
  synchronizer_register_wakers(s, hold.bit);
  CHECK_EQ(try_take(2), STATUS_TIMEOUT);
  CHECK_EQ(give(1, 1), STATUS_OK);
  CHECK_EQ(wakers_sleep(&hold, seen, deadline_never()), STATUS_OK);
  CHECK(wakers_seen(&hold) != seen);
  wakers_release(&hold);
  end();
}

/* ---- those that are gone --------------------------------------------------------------------- */

static void run_and_kill(void (*act)(void)) {
  kill_after(act);
  validate();
}

static void take_once(void) { take(1); }

static void take_twice(void) {
  take(1);
  take(2);
}

static void a_lock_of_a_dead_process_is_free_and_the_next_holder_is_told(enum lock_kind kind) {
  begin(kind, 1);
  run_and_kill(take_once);
  CHECK_EQ(permits_free(s), 1);
  take_abandoned(5);
  CHECK_EQ(give(5, 1), STATUS_OK);
  take(5);                /* once */
  run_and_kill(validate); /* had nothing of it */
  CHECK(permits_is_held_by(s, agent(5)));
  CHECK_EQ(give(5, 1), STATUS_OK);
  end();
}

static void what_a_dead_process_had_of_a_semaphore_comes_back(void) {
  begin(LOCK_KIND_BOUNDED_SEMAPHORE, 4);
  take(9);
  run_and_kill(take_twice);
  CHECK_EQ(permits_free(s), 3);
  take_abandoned(9);
  take_abandoned(9);
  take(9);
  run_and_kill(validate); /* the next in its slot had nothing */
  CHECK_EQ(permits_free(s), 0);
  CHECK_EQ(give(9, 4), STATUS_OK);
  end();
}

static void take_twice_and_return_one(void) {
  take_twice();
  CHECK_EQ(give(1, 1), STATUS_OK);
}

static void keep_one_of_two(void) {
  take_twice();
  permits_keep(s, agent(1), 1);
}

static void what_was_returned_or_is_kept_does_not_come_back(void) {
  begin(LOCK_KIND_SEMAPHORE, 4);
  take(9);
  run_and_kill(take_twice_and_return_one);
  CHECK_EQ(permits_free(s), 3);
  take_abandoned(9);
  CHECK_EQ(give(9, 2), STATUS_OK);
  run_and_kill(keep_one_of_two);
  CHECK_EQ(permits_free(s), 3);
  take_abandoned(9);
  end();
}

/* A count of things produced: none is missing, and none is made up; nor is it for the next in its
 * slot. */
static void what_a_dead_consumer_took_is_not_made_up(void) {
  begin(LOCK_KIND_SEMAPHORE, 2);
  CHECK_EQ(give(9, 3), STATUS_OK);
  run_and_kill(take_twice);
  CHECK_EQ(permits_free(s), 3);
  for (int i = 0; i < 3; i++) take(9);
  run_and_kill(validate);
  CHECK_EQ(permits_free(s), 0);
  end();
}

static void stand_first(void) {
  struct synchronizer_wait w = {0};
  stand_in_line(&w, 1, LONG_AGO);
  CHECK_EQ(give(9, 1), STATUS_OK);
  CHECK_EQ(synchronizer_waiter_state(&w), WAITER_GRANTED);
}

static void stand_behind(void) {
  struct synchronizer_wait w = {0};
  stand_in_line(&w, 3, LONG_AGO);
}

static void what_a_dead_waiter_was_given_is_given_to_the_next(void) {
  struct synchronizer_wait w = {0};
  begin(LOCK_KIND_SEMAPHORE, 0);
  run_and_kill(stand_first);
  CHECK_EQ(atomic_load(&s->occupied), 0);
  take(2);
  stand_in_line(&w, 2, LONG_AGO);
  run_and_kill(stand_behind);
  CHECK_EQ(synchronizer_waiter_state(&w), WAITER_WAITING);
  CHECK_EQ(give(9, 1), STATUS_OK);
  CHECK_EQ(collect(&w, 2), STATUS_OK);
  end();
}

static void a_thread_that_ends_abandons_what_it_holds_and_nothing_else(void) {
  begin(LOCK_KIND_LOCK, 1);
  take(1);
  permits_abandon(s, agent(2), 1);
  CHECK(permits_is_held_by(s, agent(1)));
  permits_abandon(s, agent(1), 1);
  take_abandoned(2);
  CHECK_EQ(give(2, 1), STATUS_OK);
  end();
  begin(LOCK_KIND_SEMAPHORE, 3);
  take(1);
  take(1);
  permits_abandon(s, agent(1), 5); /* no more than are missing */
  CHECK_EQ(permits_free(s), 3);
  take_abandoned(2);
  take_abandoned(2);
  take(2);
  end();
}

/* ---- many threads ---------------------------------------------------------------------------- */

struct contest {
  uint64_t permits;
  _Atomic uint64_t inside;
  int64_t turns; /* of a lock: under it */
};

struct contestant {
  struct thread thread;
  uint64_t number;
  int turns;
  struct contest *contest;
};

static void contest_main(void *argument) {
  struct contestant *c = argument;
  for (int i = 0; i < c->turns; i++) {
    struct synchronizer_wait w = {0};
    bool was_abandoned = false;
    CHECK_EQ(permits_take(s, agent(c->number), &w, deadline_never(), &was_abandoned), STATUS_OK);
    CHECK(atomic_fetch_add(&c->contest->inside, 1) < c->contest->permits);
    if (c->contest->permits == 1) c->contest->turns++;
    if (i % 8 == 0) sched_yield();
    atomic_fetch_sub(&c->contest->inside, 1);
    CHECK_EQ(permits_return(s, agent(c->number), 1), STATUS_OK);
  }
}

/* They begin together: until then the main thread has all permits. */
static void threads_are_never_too_many_and_all_have_their_turns(enum lock_kind kind, uint64_t permits,
                                                                int threads, int turns) {
  static struct contestant contestants[CROWD];
  struct contest contest = {.permits = permits};
  begin(kind, permits);
  for (uint64_t i = 0; i < permits; i++) take(1000);
  for (int i = 0; i < threads; i++) {
    contestants[i] = (struct contestant){.number = (uint64_t)i + 1, .turns = turns, .contest = &contest};
    CHECK_EQ(thread_start(&contestants[i].thread, contest_main, &contestants[i], "contestant"), STATUS_OK);
  }
  const uint32_t waiters = threads < (int)s->waiter_count ? (uint32_t)threads : s->waiter_count;
  while (atomic_load(&s->occupied) < waiters) sched_yield();
  if (threads > (int)s->waiter_count)
    while (!atomic_load(&s->is_crowded)) sched_yield();
  for (uint64_t i = 0; i < permits; i++) CHECK_EQ(permits_return(s, agent(1000), 1), STATUS_OK);
  for (int i = 0; i < threads; i++) thread_join(&contestants[i].thread);
  if (permits == 1) CHECK_EQ(contest.turns, threads * turns);
  CHECK_EQ(permits_free(s), permits);
  end();
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  const uint64_t blocks = arena_used(segment_arena());
  a_lock_has_one_holder_and_any_thread_may_return_it();
  a_recursive_lock_is_free_when_it_was_returned_as_often_as_taken();
  a_recursive_lock_is_returned_as_a_whole_and_is_as_deep_again();
  a_lock_that_nobody_waits_for_is_held_by_its_word_alone(LOCK_KIND_LOCK);
  a_lock_that_nobody_waits_for_is_held_by_its_word_alone(LOCK_KIND_RLOCK);
  a_thread_of_any_number_may_hold_a_lock(LOCK_KIND_LOCK);
  a_thread_of_any_number_may_hold_a_lock(LOCK_KIND_RLOCK);
  a_recursive_lock_is_taken_as_often_as_its_holder_likes();
  a_semaphore_counts_beyond_what_it_began_with();
  a_bounded_semaphore_takes_back_no_more_than_its_bound();
  a_passer_by_may_take_what_a_waiter_was_woken_for();
  a_waiter_that_has_waited_for_long_is_given_the_next_one();
  permits_go_to_those_who_came_first_and_no_further_than_they_go();
  a_waiter_that_gives_up_passes_on_what_it_was_given();
  what_is_returned_rings_the_wakers_that_were_left();
  a_lock_of_a_dead_process_is_free_and_the_next_holder_is_told(LOCK_KIND_LOCK);
  a_lock_of_a_dead_process_is_free_and_the_next_holder_is_told(LOCK_KIND_RLOCK);
  what_a_dead_process_had_of_a_semaphore_comes_back();
  what_was_returned_or_is_kept_does_not_come_back();
  what_a_dead_consumer_took_is_not_made_up();
  what_a_dead_waiter_was_given_is_given_to_the_next();
  a_thread_that_ends_abandons_what_it_holds_and_nothing_else();
  threads_are_never_too_many_and_all_have_their_turns(LOCK_KIND_LOCK, 1, THREADS, TURNS);
  threads_are_never_too_many_and_all_have_their_turns(LOCK_KIND_RLOCK, 1, THREADS, TURNS);
  threads_are_never_too_many_and_all_have_their_turns(LOCK_KIND_BOUNDED_SEMAPHORE, 3, THREADS, TURNS);
  threads_are_never_too_many_and_all_have_their_turns(LOCK_KIND_LOCK, 1, CROWD, 5);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  segment_validate();
  return 0;
}
