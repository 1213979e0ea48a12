/* SPDX-License-Identifier: MIT */
/* Death at each instant of what happens to locks, semaphores, conditions and barriers: taking,
 * returning, waiting, notifying, meeting, and handling another process's death. A kind with rules of
 * its own has this in its own test (test_rwlock.c).
 *
 * For each deed a child walks into the n-th kill point, for n = 1, 2, … until it survives. After
 * each death the parent handles it; then everything validates, the lock can be had, no permit is
 * lost or doubled, waiters of a condition can be notified, and the barrier is broken or whole,
 * and can be reset.
 */
#include <stdlib.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/barrier.h"
#include "shared/condition.h"
#include "shared/permits.h"

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 80, PERMITS = 3, PARTIES = 2, THREAD = 7, WAKER = 1 };

struct scene {
  struct synchronizer *lock;
  struct synchronizer *rlock;
  struct synchronizer *semaphore; /* bounded; the parent has one of its permits */
  struct synchronizer *condition; /* the parent waits in it, after whoever the child told to */
  struct synchronizer *barrier;
  struct synchronizer_wait mine;
  struct child_slot dead; /* held all that, and is gone unmourned */
};

static struct execution_context self(void) { return (struct execution_context){segment_slot(), THREAD}; }

static bool take(struct synchronizer *s, bool *was_abandoned) {
  struct synchronizer_wait w = {0};
  return permits_take(s, self(), &w, deadline_now(), was_abandoned) == STATUS_OK;
}

static deadline soon(void) { return deadline_after(0.001); }

/* ---- deeds ----------------------------------------------------------------------------------- */

static void act_lock(void *scene) {
  struct scene *s = scene;
  bool abandoned = false;
  for (int turn = 0; turn < 2; turn++) {
    CHECK(take(s->lock, &abandoned));
    CHECK_EQ(permits_return(s->lock, self(), 1), STATUS_OK);
    synchronizer_register_wakers(s->lock, WAKER);
  }
}

/* Another thread waits in vain: the word is gated, and opened when that one has given up. */
static void act_gate(void *scene) {
  struct scene *s = scene;
  const struct execution_context other = {segment_slot(), THREAD + 1};
  struct synchronizer_wait w = {0};
  bool abandoned = false;
  CHECK(take(s->lock, &abandoned));
  do CHECK_EQ(permits_take(s->lock, other, &w, soon(), &abandoned), STATUS_TIMEOUT);
  while (!w.waiter);
  CHECK(!lock_word_is_open(atomic_load(&s->lock->word)));
  permits_give_up(s->lock, &w);
  CHECK(lock_word_is_open(atomic_load(&s->lock->word)));
  CHECK_EQ(permits_return(s->lock, self(), 1), STATUS_OK);
}

static void act_rlock(void *scene) {
  struct scene *s = scene;
  bool abandoned = false;
  for (int i = 0; i <= LOCK_WORD_DEPTH_MOST; i++) CHECK(take(s->rlock, &abandoned));
  for (int i = 1; i < LOCK_WORD_DEPTH_MOST; i++) CHECK_EQ(permits_return(s->rlock, self(), 1), STATUS_OK);
  CHECK_EQ(permits_return(s->rlock, self(), 1), STATUS_OK);
  const uint32_t depth = permits_return_all(s->rlock, self());
  CHECK_EQ(depth, 1);
}

static void act_semaphore(void *scene) {
  struct scene *s = scene;
  bool abandoned = false;
  while (take(s->semaphore, &abandoned)) {
  }
  CHECK_EQ(permits_return(s->semaphore, self(), PERMITS - 1), STATUS_OK);
}

/* Nobody returns the last permit: it waits in vain, and gives up. */
static void act_wait(void *scene) {
  struct scene *s = scene;
  bool abandoned = false;
  while (take(s->semaphore, &abandoned)) {
  }
  struct synchronizer_wait w = {0};
  CHECK_EQ(permits_take(s->semaphore, self(), &w, soon(), &abandoned), STATUS_TIMEOUT);
  permits_give_up(s->semaphore, &w);
  permits_abandon(s->semaphore, self(), 1);
}

static void act_condition(void *scene) {
  struct scene *s = scene;
  struct synchronizer_wait w = {0};
  CHECK_EQ(condition_enter(s->condition, segment_slot(), &w), STATUS_OK);
  condition_notify(s->condition, 2);
  CHECK_EQ(condition_sleep(s->condition, &w, deadline_now()), STATUS_OK);
}

static void act_barrier(void *scene) {
  struct scene *s = scene;
  struct barrier_arrival first = {.index = 0};
  struct barrier_arrival last = {.index = 0};
  CHECK_EQ(barrier_arrive(s->barrier, self(), &first, deadline_now()), STATUS_OK);
  CHECK_EQ(barrier_arrive(s->barrier, self(), &last, deadline_now()), STATUS_OK);
  CHECK(barrier_is_last(s->barrier, &last));
  CHECK_EQ(barrier_open(s->barrier), STATUS_OK);
  CHECK_EQ(barrier_sleep(s->barrier, &first, deadline_now()), STATUS_OK);
  CHECK_EQ(barrier_arrive(s->barrier, self(), &first, deadline_now()), STATUS_OK);
  CHECK_EQ(barrier_leave(s->barrier, &first), STATUS_BROKEN);
  barrier_reset(s->barrier);
}

static void act_owner_died(void *scene) {
  struct scene *s = scene;
  segment_forget_child(s->dead);
}

static const struct deed {
  const char *name;
  void (*act)(void *scene);
} deeds[] = {{"lock", act_lock},           {"gate", act_gate},       {"rlock", act_rlock},
             {"semaphore", act_semaphore}, {"wait", act_wait},       {"condition", act_condition},
             {"barrier", act_barrier},     {"mourn", act_owner_died}};

/* What the dead one left: all locks taken, a waiter in each line, told and not gone. */
static void hold_everything(void *scene) {
  struct scene *s = scene;
  bool abandoned = false;
  struct synchronizer_wait w = {0};
  struct barrier_arrival a = {.index = 0};
  CHECK(take(s->lock, &abandoned) && take(s->rlock, &abandoned) && take(s->semaphore, &abandoned));
  CHECK_EQ(condition_enter(s->condition, segment_slot(), &w), STATUS_OK);
  condition_notify(s->condition, 1);
  CHECK_EQ(barrier_arrive(s->barrier, self(), &a, deadline_now()), STATUS_OK);
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static void check_lock(struct synchronizer *lock) {
  bool abandoned = false;
  CHECK(take(lock, &abandoned));
  CHECK_EQ(permits_return(lock, self(), 1), STATUS_OK);
  CHECK(take(lock, &abandoned));
  CHECK(!abandoned); /* told once */
  CHECK_EQ(permits_return(lock, self(), 1), STATUS_OK);
  CHECK(lock_word_is_open(atomic_load(&lock->word)));
}

static void check_semaphore(struct synchronizer *semaphore) {
  bool abandoned = false;
  CHECK_EQ(permits_free(semaphore), PERMITS - 1);
  for (int i = 0; i < PERMITS - 1; i++) CHECK(take(semaphore, &abandoned));
  CHECK(!take(semaphore, &abandoned));
  CHECK_EQ(permits_return(semaphore, self(), PERMITS), STATUS_OK);
  CHECK_EQ(permits_return(semaphore, self(), 1), STATUS_TOO_LARGE);
}

static void check_barrier(struct scene *s) {
  if (barrier_is_broken(s->barrier)) barrier_reset(s->barrier);
  CHECK_EQ(barrier_waiting(s->barrier), 0);
  act_barrier(s);
}

static void check_all(struct scene *s) {
  struct synchronizer *all[] = {s->lock, s->rlock, s->semaphore, s->condition, s->barrier};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    synchronizer_lock(all[i]);
    synchronizer_settle_and_unlock(all[i]);
    synchronizer_validate(all[i]);
  }
  check_lock(s->lock);
  check_lock(s->rlock);
  check_semaphore(s->semaphore);
  CHECK_EQ(synchronizer_waiter_state(&s->mine), WAITER_GRANTED); /* what the dead were told was passed on */
  CHECK(condition_leave(s->condition, &s->mine));
  check_barrier(s);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    synchronizer_validate(all[i]);
    segment_release(&all[i]->object);
  }
}

static bool one_death(size_t number, long point) {
  const struct deed *deed = &deeds[number];
  const uint64_t blocks = arena_used(segment_arena());
  struct scene s = {.mine = {0}};
  struct child_slot place;
  bool abandoned = false;
  CHECK_EQ(synchronizer_make(LOCK_KIND_LOCK, 1, &s.lock), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_RLOCK, 1, &s.rlock), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_BOUNDED_SEMAPHORE, PERMITS, &s.semaphore), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_CONDITION, 0, &s.condition), STATUS_OK);
  CHECK_EQ(synchronizer_make(LOCK_KIND_BARRIER, PARTIES, &s.barrier), STATUS_OK);
  CHECK(take(s.semaphore, &abandoned));
  CHECK(!run_doomed_child(hold_everything, &s, 0, &s.dead));
  if (deed->act != act_owner_died) {
    segment_forget_child(s.dead);
    barrier_reset(s.barrier);
    while (permits_free(s.lock) && take(s.lock, &abandoned) && abandoned)
      CHECK_EQ(permits_return(s.lock, self(), 1), STATUS_OK);
    if (permits_free(s.lock) == 0) CHECK_EQ(permits_return(s.lock, self(), 1), STATUS_OK);
  }
  CHECK_EQ(condition_enter(s.condition, segment_slot(), &s.mine), STATUS_OK);
  struct synchronizer *all[] = {s.lock, s.rlock, s.semaphore, s.condition, s.barrier};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) synchronizer_register_wakers(all[i], WAKER);
  const bool has_died = run_doomed_child(deed->act, &s, point, &place);
  segment_forget_child(place);
  segment_forget_child(s.dead);
  if (deed->act != act_owner_died && synchronizer_waiter_state(&s.mine) == WAITER_WAITING)
    condition_notify(s.condition, 1);
  check_all(&s);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  return has_died;
}

int main(void) {
  run_kill_test(one_death, sizeof deeds / sizeof *deeds, POINTS_MAX);
  return 0;
}

#else
int main(void) { return 0; }
#endif
