/* SPDX-License-Identifier: MIT */
/* RWLock: which holders it has at the same time, the order of its waiters, and the deaths of both.
 * Each step validates: then no waiter waits that may go on. At the end death at each instant of all
 * this: a child walks into the n-th kill point, for n = 1, 2, … until it survives.
 */
#include "shared/rwlock.h"

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

enum { THREADS = 8, CROWD = 80 /* more than it has waiters */, TURNS = 400 };

static struct synchronizer *s; /* of the test at hand */

static struct execution_context agent(uint64_t thread) {
  return (struct execution_context){segment_slot(), thread};
}

static void begin(void) { CHECK_EQ(synchronizer_make(LOCK_KIND_RWLOCK, 0, &s), STATUS_OK); }

static void validate(void) { synchronizer_validate(s); }

/* Free, and no waiter is left in line. */
static void end(void) {
  struct rwlock_holders holders;
  validate();
  rwlock_look(s, &holders);
  CHECK(!holders.has_writer && holders.readers == 0);
  CHECK_EQ(atomic_load(&s->occupied), 0);
  segment_release(&s->object);
}

static status try_as(uint64_t thread, enum rwlock_use use, bool *was_abandoned) {
  struct synchronizer_wait w = rwlock_wait(use);
  const status st = rwlock_try(s, agent(thread), &w, was_abandoned);
  CHECK(w.waiter == NULL);
  validate();
  return st;
}

/* Whether it needed no wait. Its holder before was not gone. */
static bool take(uint64_t thread, enum rwlock_use use) {
  bool was_abandoned = false;
  const status st = try_as(thread, use, &was_abandoned);
  CHECK(!was_abandoned);
  return st == STATUS_OK;
}

static status give(uint64_t thread, enum rwlock_use use) {
  const status st = rwlock_return(s, agent(thread), use);
  validate();
  return st;
}

/* ---- together or alone ----------------------------------------------------------------------- */

static void many_read_and_one_writes(void) {
  struct rwlock_holders holders;
  begin();
  for (uint64_t i = 1; i <= 5; i++) CHECK(take(i, RWLOCK_READ));
  CHECK(!take(6, RWLOCK_WRITE));
  rwlock_look(s, &holders);
  CHECK(holders.readers == 5 && !holders.has_writer);
  for (uint64_t i = 1; i <= 5; i++) {
    CHECK(!take(6, RWLOCK_WRITE));
    CHECK_EQ(give(i, RWLOCK_READ), STATUS_OK);
  }
  CHECK(take(6, RWLOCK_WRITE));
  CHECK(rwlock_is_writer(s, agent(6)) && !rwlock_is_writer(s, agent(5)));
  CHECK(!take(1, RWLOCK_READ));
  CHECK(!take(1, RWLOCK_WRITE));
  CHECK(!take(6, RWLOCK_WRITE)); /* nor its writer once more */
  CHECK_EQ(give(6, RWLOCK_WRITE), STATUS_OK);
  end();
}

static void what_is_not_held_is_not_returned(void) {
  begin();
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_EMPTY);
  CHECK_EQ(give(1, RWLOCK_WRITE), STATUS_EMPTY);
  CHECK(take(1, RWLOCK_READ));
  CHECK_EQ(give(1, RWLOCK_WRITE), STATUS_EMPTY);
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_OK);
  CHECK(take(1, RWLOCK_WRITE));
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_EMPTY);
  CHECK_EQ(give(2, RWLOCK_WRITE), STATUS_FOREIGN);
  CHECK_EQ(give(1, RWLOCK_WRITE), STATUS_OK);
  end();
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Gets in line, and gets nothing. */
static void get_in_line(struct synchronizer_wait *w, uint64_t thread, enum rwlock_use use) {
  bool was_abandoned = false;
  *w = rwlock_wait(use);
  CHECK_EQ(rwlock_take(s, agent(thread), w, deadline_now(), &was_abandoned), STATUS_TIMEOUT);
  CHECK(w->waiter != NULL);
  validate();
}

static bool is_granted(const struct synchronizer_wait *w) {
  return synchronizer_waiter_state(w) == WAITER_GRANTED;
}

static void collect(struct synchronizer_wait *w, uint64_t thread) {
  bool was_abandoned = false;
  CHECK(is_granted(w));
  CHECK_EQ(rwlock_take(s, agent(thread), w, deadline_now(), &was_abandoned), STATUS_OK);
  CHECK(w->waiter == NULL && !was_abandoned);
  validate();
}

static void a_reader_that_comes_after_a_waiting_writer_waits_behind_it(void) {
  struct synchronizer_wait writer, reader;
  begin();
  CHECK(take(1, RWLOCK_READ));
  get_in_line(&writer, 2, RWLOCK_WRITE);
  CHECK(!take(3, RWLOCK_READ)); /* it would fit, and does not overtake */
  get_in_line(&reader, 3, RWLOCK_READ);
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_OK);
  CHECK(is_granted(&writer) && !is_granted(&reader));
  CHECK(!take(4, RWLOCK_READ)); /* granted is as good as held */
  collect(&writer, 2);
  CHECK_EQ(give(2, RWLOCK_WRITE), STATUS_OK);
  collect(&reader, 3);
  CHECK_EQ(give(3, RWLOCK_READ), STATUS_OK);
  end();
}

static void readers_at_the_front_go_together_up_to_the_next_writer(void) {
  static const enum rwlock_use uses[] = {RWLOCK_READ, RWLOCK_READ,  RWLOCK_WRITE,
                                         RWLOCK_READ, RWLOCK_WRITE, RWLOCK_WRITE};
  enum { COUNT = sizeof uses / sizeof *uses };
  static const size_t turns[] = {0, 2, 3, 4, 5, COUNT}; /* the first of each */
  struct synchronizer_wait w[COUNT];
  begin();
  CHECK(take(9, RWLOCK_WRITE));
  for (size_t i = 0; i < COUNT; i++) get_in_line(&w[i], i, uses[i]);
  CHECK_EQ(give(9, RWLOCK_WRITE), STATUS_OK);
  for (size_t turn = 0; turn + 1 < sizeof turns / sizeof *turns; turn++) {
    for (size_t i = turns[turn]; i < COUNT; i++) CHECK_EQ(is_granted(&w[i]), i < turns[turn + 1]);
    for (size_t i = turns[turn]; i < turns[turn + 1]; i++) collect(&w[i], i);
    for (size_t i = turns[turn]; i < turns[turn + 1]; i++) CHECK_EQ(give(i, uses[i]), STATUS_OK);
  }
  end();
}

static void a_writer_that_gives_up_lets_the_readers_behind_it_go(void) {
  struct synchronizer_wait writer, reader;
  begin();
  CHECK(take(1, RWLOCK_READ));
  get_in_line(&writer, 2, RWLOCK_WRITE);
  get_in_line(&reader, 3, RWLOCK_READ);
  rwlock_give_up(s, &writer);
  validate();
  rwlock_give_up(s, &writer); /* again: nothing */
  collect(&reader, 3);
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_OK);
  CHECK_EQ(give(3, RWLOCK_READ), STATUS_OK);
  end();
}

static void a_waiter_that_gives_up_passes_on_what_it_was_granted(void) {
  struct synchronizer_wait first, second;
  begin();
  CHECK(take(1, RWLOCK_WRITE));
  get_in_line(&first, 2, RWLOCK_WRITE);
  get_in_line(&second, 3, RWLOCK_WRITE);
  CHECK_EQ(give(1, RWLOCK_WRITE), STATUS_OK);
  CHECK(is_granted(&first));
  rwlock_give_up(s, &first);
  collect(&second, 3);
  CHECK_EQ(give(3, RWLOCK_WRITE), STATUS_OK);
  end();
}

/* ---- those that are gone --------------------------------------------------------------------- */

static void run_and_kill(void (*act)(void)) {
  kill_after(act);
  validate();
}

static void read_twice(void) { CHECK(take(1, RWLOCK_READ) && take(2, RWLOCK_READ)); }
static void write_once(void) { CHECK(take(1, RWLOCK_WRITE)); }

static void wait_to_write(void) {
  struct synchronizer_wait w;
  get_in_line(&w, 1, RWLOCK_WRITE);
}

static void a_dead_reader_gives_its_shares_back(void) {
  bool was_abandoned = false;
  begin();
  CHECK(take(7, RWLOCK_READ));
  run_and_kill(read_twice);
  CHECK(!take(8, RWLOCK_WRITE)); /* ours are ours */
  CHECK_EQ(give(7, RWLOCK_READ), STATUS_OK);
  CHECK_EQ(try_as(8, RWLOCK_WRITE, &was_abandoned), STATUS_OK);
  CHECK(!was_abandoned); /* a reader changed nothing */
  CHECK_EQ(give(8, RWLOCK_WRITE), STATUS_OK);
  end();
}

static void after_a_dead_writer_the_next_taker_is_told_once(enum rwlock_use next) {
  bool was_abandoned = false;
  begin();
  run_and_kill(write_once);
  CHECK_EQ(try_as(2, next, &was_abandoned), STATUS_OK);
  CHECK(was_abandoned);
  CHECK_EQ(give(2, next), STATUS_OK);
  CHECK(take(2, next));
  CHECK_EQ(give(2, next), STATUS_OK);
  end();
}

static void a_dead_waiter_holds_nobody_up(void) {
  struct synchronizer_wait reader;
  begin();
  CHECK(take(1, RWLOCK_READ));
  run_and_kill(wait_to_write);
  CHECK(take(2, RWLOCK_READ));
  CHECK_EQ(give(2, RWLOCK_READ), STATUS_OK);
  CHECK_EQ(give(1, RWLOCK_READ), STATUS_OK);
  CHECK(take(1, RWLOCK_WRITE));
  get_in_line(&reader, 2, RWLOCK_READ);
  run_and_kill(wait_to_write);
  CHECK_EQ(give(1, RWLOCK_WRITE), STATUS_OK);
  collect(&reader, 2);
  CHECK_EQ(give(2, RWLOCK_READ), STATUS_OK);
  end();
}

static void end_agent(uint64_t thread, uint64_t count) {
  lock_kinds[LOCK_KIND_RWLOCK].rules->end(s, agent(thread), count, false);
  validate();
}

static void a_thread_that_ends_leaves_what_it_holds_and_nothing_else(void) {
  bool was_abandoned = false;
  begin();
  CHECK(take(1, RWLOCK_READ) && take(2, RWLOCK_READ));
  end_agent(1, 1);
  CHECK(!take(3, RWLOCK_WRITE));
  CHECK_EQ(give(2, RWLOCK_READ), STATUS_OK);
  CHECK(take(3, RWLOCK_WRITE));
  end_agent(2, 1);
  CHECK(rwlock_is_writer(s, agent(3)));
  end_agent(3, 1);
  CHECK_EQ(try_as(4, RWLOCK_READ, &was_abandoned), STATUS_OK);
  CHECK(was_abandoned);
  CHECK_EQ(give(4, RWLOCK_READ), STATUS_OK);
  end();
}

/* ---- many threads ---------------------------------------------------------------------------- */

struct contest {
  _Atomic uint64_t readers;
  _Atomic uint64_t writers;
  int64_t turns; /* under the lock, for writing */
};

struct contestant {
  struct thread thread;
  uint64_t number;
  int turns;
  struct contest *contest;
};

static void read_once(struct contest *c) {
  atomic_fetch_add(&c->readers, 1);
  CHECK_EQ(atomic_load(&c->writers), 0);
  const int64_t turns = c->turns;
  sched_yield();
  CHECK_EQ(turns, c->turns);
  atomic_fetch_sub(&c->readers, 1);
}

static void write_in_turn(struct contest *c) {
  CHECK_EQ(atomic_fetch_add(&c->writers, 1), 0);
  CHECK_EQ(atomic_load(&c->readers), 0);
  c->turns++;
  atomic_fetch_sub(&c->writers, 1);
}

static void contest_main(void *argument) {
  const struct contestant *c = argument;
  for (int i = 0; i < c->turns; i++) {
    const enum rwlock_use use = (c->number + (uint64_t)i) % 4 == 0 ? RWLOCK_WRITE : RWLOCK_READ;
    struct synchronizer_wait w = rwlock_wait(use);
    bool was_abandoned = false;
    CHECK_EQ(rwlock_take(s, agent(c->number), &w, deadline_never(), &was_abandoned), STATUS_OK);
    if (use == RWLOCK_WRITE)
      write_in_turn(c->contest);
    else
      read_once(c->contest);
    CHECK_EQ(rwlock_return(s, agent(c->number), use), STATUS_OK);
  }
}

/* They begin together: until then the main thread writes. */
static void readers_and_writers_are_never_mixed_and_all_have_their_turns(int threads, int turns) {
  static struct contestant contestants[CROWD];
  struct contest contest = {.turns = 0};
  begin();
  CHECK(take(1000, RWLOCK_WRITE));
  for (int i = 0; i < threads; i++) {
    contestants[i] = (struct contestant){.number = (uint64_t)i + 1, .turns = turns, .contest = &contest};
    CHECK_EQ(thread_start(&contestants[i].thread, contest_main, &contestants[i], "contestant"), STATUS_OK);
  }
  const uint32_t waiters = threads < (int)s->waiter_count ? (uint32_t)threads : s->waiter_count;
  while (atomic_load(&s->occupied) < waiters) sched_yield();
  CHECK_EQ(rwlock_return(s, agent(1000), RWLOCK_WRITE), STATUS_OK);
  for (int i = 0; i < threads; i++) thread_join(&contestants[i].thread);
  CHECK_EQ(contest.turns, threads * turns / 4);
  end();
}

/* ---- death at each instant ------------------------------------------------------------------- */

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 80, WAKER = 1 };

struct scene {
  struct synchronizer *read;
  struct synchronizer *written;
  struct child_slot dead; /* held both, had a waiter in each line, and is gone unmourned */
};

static bool take_for(struct synchronizer *lock, enum rwlock_use use) {
  bool abandoned = false;
  struct synchronizer_wait w = rwlock_wait(use);
  return rwlock_try(lock, agent(7), &w, &abandoned) == STATUS_OK;
}

static void get_in_line_for(struct synchronizer *lock, enum rwlock_use use, struct synchronizer_wait *w) {
  bool abandoned = false;
  *w = rwlock_wait(use);
  CHECK_EQ(rwlock_take(lock, agent(7), w, deadline_now(), &abandoned), STATUS_TIMEOUT);
}

/* Each waits for the one before, and one gives up. */
static void act_take_turns(void *scene) {
  struct synchronizer *lock = ((struct scene *)scene)->read;
  struct synchronizer_wait writer, impatient, reader;
  bool abandoned = false;
  CHECK(take_for(lock, RWLOCK_READ) && take_for(lock, RWLOCK_READ));
  get_in_line_for(lock, RWLOCK_WRITE, &writer);
  get_in_line_for(lock, RWLOCK_WRITE, &impatient);
  get_in_line_for(lock, RWLOCK_READ, &reader);
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_READ), STATUS_OK);
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_READ), STATUS_OK);
  CHECK_EQ(rwlock_try(lock, agent(7), &writer, &abandoned), STATUS_OK);
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_WRITE), STATUS_OK);
  rwlock_give_up(lock, &impatient);
  CHECK_EQ(rwlock_try(lock, agent(7), &reader, &abandoned), STATUS_OK);
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_READ), STATUS_OK);
}

/* A thread of it ends, and the process later. */
static void act_end(void *scene) {
  struct scene *both = scene;
  CHECK(take_for(both->read, RWLOCK_READ) && take_for(both->written, RWLOCK_WRITE));
  lock_kinds[LOCK_KIND_RWLOCK].rules->end(both->read, agent(7), 1, true);
  lock_kinds[LOCK_KIND_RWLOCK].rules->end(both->written, agent(7), 1, true);
}

static void act_owner_died(void *scene) { segment_forget_child(((struct scene *)scene)->dead); }

static void (*const deeds[])(void *scene) = {act_take_turns, act_end, act_owner_died};

static void hold_both(void *scene) {
  struct scene *both = scene;
  struct synchronizer_wait w;
  CHECK(take_for(both->read, RWLOCK_READ) && take_for(both->read, RWLOCK_READ));
  CHECK(take_for(both->written, RWLOCK_WRITE));
  get_in_line_for(both->read, RWLOCK_WRITE, &w);
  get_in_line_for(both->written, RWLOCK_READ, &w);
}

/* No share is lost, and no waiter of a dead process stands in the way. */
static void check_after_death(struct synchronizer *lock) {
  synchronizer_lock(lock);
  synchronizer_settle_and_unlock(lock);
  synchronizer_validate(lock);
  CHECK(take_for(lock, RWLOCK_WRITE));
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_WRITE), STATUS_OK);
  struct synchronizer_wait w = rwlock_wait(RWLOCK_READ);
  bool abandoned = false;
  CHECK_EQ(rwlock_try(lock, agent(7), &w, &abandoned), STATUS_OK);
  CHECK(!abandoned); /* told once */
  CHECK_EQ(rwlock_return(lock, agent(7), RWLOCK_READ), STATUS_OK);
  synchronizer_validate(lock);
  segment_release(&lock->object);
}

static bool one_death(size_t number, long point) {
  const uint64_t blocks = arena_used(segment_arena());
  struct scene both;
  struct child_slot place;
  CHECK_EQ(synchronizer_make(LOCK_KIND_RWLOCK, 0, &both.read), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_RWLOCK, 0, &both.written), STATUS_OK);
  CHECK(!run_doomed_child(hold_both, &both, 0, &both.dead));
  if (deeds[number] != act_owner_died) segment_forget_child(both.dead);
  synchronizer_register_wakers(both.read, WAKER);
  synchronizer_register_wakers(both.written, WAKER);
  const bool has_died = run_doomed_child(deeds[number], &both, point, &place);
  segment_forget_child(place);
  segment_forget_child(both.dead);
  check_after_death(both.read);
  check_after_death(both.written);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  return has_died;
}

static void death_at_any_instant_loses_no_share_and_blocks_no_waiter(void) {
  die_at_each_point(one_death, sizeof deeds / sizeof *deeds, POINTS_MAX);
}

#else

static void death_at_any_instant_loses_no_share_and_blocks_no_waiter(void) {}

#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  const uint64_t blocks = arena_used(segment_arena());
  many_read_and_one_writes();
  what_is_not_held_is_not_returned();
  a_reader_that_comes_after_a_waiting_writer_waits_behind_it();
  readers_at_the_front_go_together_up_to_the_next_writer();
  a_writer_that_gives_up_lets_the_readers_behind_it_go();
  a_waiter_that_gives_up_passes_on_what_it_was_granted();
  a_dead_reader_gives_its_shares_back();
  after_a_dead_writer_the_next_taker_is_told_once(RWLOCK_READ);
  after_a_dead_writer_the_next_taker_is_told_once(RWLOCK_WRITE);
  a_dead_waiter_holds_nobody_up();
  a_thread_that_ends_leaves_what_it_holds_and_nothing_else();
  readers_and_writers_are_never_mixed_and_all_have_their_turns(THREADS, TURNS);
  readers_and_writers_are_never_mixed_and_all_have_their_turns(CROWD, 8);
  death_at_any_instant_loses_no_share_and_blocks_no_waiter();
  CHECK_EQ(arena_used(segment_arena()), blocks);
  segment_validate();
  return 0;
}
