/* SPDX-License-Identifier: MIT */
/* The wait graph: a cycle is a deadlock when all its waits were seen twice and have looked in between, and the
 * youngest alone is refused; what leaves, renews, or dies is no part of it. A program stands still when all its threads wait
 * and have looked. Then death at each instant of
 * a change, which leaves the table to the others. */
#include "shared/wait_graph.h"

#include <stdio.h>

#include "base/check.h"
#include "shared/segment.h"
#include "shared/synchronizer.h"

enum { MANY = 5, THREADS = 2 };

static struct wait_graph *graph(void) { return segment_wait_graph(); }

static struct execution_context agent(uint64_t number) {
  return (struct execution_context){segment_slot(), number};
}

/* A waiter waits for the lock `object`. */
static struct wait_description wait_of(uint64_t waiter, object_ref object) {
  struct wait_description d = {.waiter = agent(waiter), .object = object, .kind = LOCK_KIND_LOCK};
  snprintf(d.name, sizeof d.name, "waiter %d", (int)waiter);
  return d;
}

static struct graph_wait enter(const struct wait_description *d) {
  struct graph_wait w = {.number = 0};
  CHECK(wait_graph_enter(graph(), segment_self(), d, &w));
  return w;
}

/* 0: nobody holds it. */
static bool look(struct graph_wait *w, uint64_t holder, struct wait_cycle *out) {
  const struct execution_context h = agent(holder);
  const uint64_t stamp = wait_graph_stamp(graph());
  const struct wait_look seen = {.stamp = stamp, .holder = holder ? &h : NULL, .threads = THREADS};
  const bool is_refused = wait_graph_look(graph(), w, &seen, out);
  wait_graph_validate(graph());
  return is_refused;
}

/* Waiter i waits for lock i, which waiter i + 1 holds; the last one's is held by the first. */
static void enter_cycle(struct graph_wait *w, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    const struct wait_description d = wait_of(i + 1, 100 + i);
    w[i] = enter(&d);
  }
}

static void leave_all(struct graph_wait *w, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) wait_graph_leave(graph(), &w[i]);
  CHECK_EQ(wait_graph_count(graph()), 0);
}

static uint64_t next_of(uint64_t i, uint64_t count) { return (i + 1) % count + 1; }

static void the_youngest_of_a_cycle_alone_is_refused(uint64_t count) {
  struct graph_wait w[MANY];
  struct wait_cycle cycle = {.count = 0};
  enter_cycle(w, count);
  for (uint64_t i = 0; i < count; i++) CHECK(!look(&w[i], next_of(i, count), &cycle));
  for (uint64_t i = 0; i + 1 < count; i++) CHECK(!look(&w[i], next_of(i, count), &cycle));
  CHECK(look(&w[count - 1], next_of(count - 1, count), &cycle));
  CHECK_EQ(cycle.count, count);
  CHECK_EQ(cycle.waits[0].waiter.thread, count);
  CHECK_EQ(cycle.waits[1].waiter.thread, 1);
  leave_all(w, count);
}

static void a_cycle_in_which_one_has_not_looked_again_is_no_deadlock(void) {
  struct graph_wait w[2];
  struct wait_cycle cycle;
  enter_cycle(w, 2);
  CHECK(!look(&w[0], 2, &cycle));
  for (int i = 0; i < 5; i++) CHECK(!look(&w[1], 1, &cycle));
  CHECK(!look(&w[0], 2, &cycle));
  CHECK(look(&w[1], 1, &cycle));
  leave_all(w, 2);
}

/* What a look that began before the first sight saw is no proof. */
static void a_look_that_began_too_early_is_no_proof(void) {
  struct graph_wait w[2];
  struct wait_cycle cycle;
  const struct execution_context second = agent(2);
  enter_cycle(w, 2);
  CHECK(!look(&w[0], 2, &cycle));
  const uint64_t early = wait_graph_stamp(graph());
  CHECK(!look(&w[1], 1, &cycle));
  CHECK(!wait_graph_look(graph(), &w[0], &(struct wait_look){.stamp = early, .holder = &second}, &cycle));
  CHECK(!look(&w[1], 1, &cycle));
  CHECK(!look(&w[0], 2, &cycle));
  CHECK(look(&w[1], 1, &cycle));
  leave_all(w, 2);
}

static void a_wait_that_began_anew_is_another_one(void) {
  struct graph_wait w[2];
  struct wait_cycle cycle;
  const struct wait_description d = wait_of(1, 100);
  enter_cycle(w, 2);
  CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], 1, &cycle));
  wait_graph_leave(graph(), &w[0]);
  wait_graph_leave(graph(), &w[0]);
  w[0] = enter(&d);
  CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], 1, &cycle));
  CHECK(!look(&w[1], 1, &cycle));
  CHECK(look(&w[0], 2, &cycle)); /* the youngest now: seen, and seen again after the other's look */
  leave_all(w, 2);
}

static void a_holder_that_changes_or_runs_is_no_deadlock(void) {
  struct graph_wait w[2];
  struct wait_cycle cycle;
  enter_cycle(w, 2);
  for (int i = 0; i < 3; i++) CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], i % 2 ? 1 : 7, &cycle));
  for (int i = 0; i < 3; i++) CHECK(!look(&w[0], 0, &cycle) && !look(&w[1], 1, &cycle));
  leave_all(w, 2);
}

/* 1 reads X and waits for lock Y, which 2 holds; 2 waits to write X. Then 2 waits to read X instead, behind 3 who
 * waits to write it. */
static void readers_and_the_line_of_an_rwlock_block(void) {
  struct wait_cycle cycle = {.count = 0};
  struct wait_description d[3] = {wait_of(1, 7), wait_of(2, 9), wait_of(3, 9)};
  d[0].shares[0] = 9;
  d[1].use = WAIT_FOR_WRITING;
  d[1].ticket = 2;
  d[2].use = WAIT_FOR_WRITING;
  d[2].ticket = 1;
  struct graph_wait w[3] = {enter(&d[0]), enter(&d[1]), {.number = 0}};
  CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], 0, &cycle) && !look(&w[0], 2, &cycle));
  CHECK(look(&w[1], 0, &cycle));
  CHECK_EQ(cycle.count, 2);
  CHECK(!cycle.is_line[0]);
  wait_graph_leave(graph(), &w[1]);
  d[1].use = WAIT_FOR_READING;
  w[1] = enter(&d[1]);
  for (int i = 0; i < 3; i++) CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], 0, &cycle));
  w[2] = enter(&d[2]);
  for (int i = 0; i < 2; i++)
    CHECK(!look(&w[0], 2, &cycle) && !look(&w[1], 0, &cycle) && (i == 1 || !look(&w[2], 0, &cycle)));
  CHECK(look(&w[2], 0, &cycle));
  CHECK_EQ(cycle.count, 3);
  CHECK(cycle.is_line[2]);
  leave_all(w, 3);
}

static void a_full_table_watches_no_further_wait(void) {
  static struct graph_wait w[WAIT_GRAPH_MAX];
  struct graph_wait more = {.number = 0};
  const struct wait_description d = wait_of(1, 1);
  for (int i = 0; i < WAIT_GRAPH_MAX; i++) w[i] = enter(&d);
  CHECK(!wait_graph_enter(graph(), segment_self(), &d, &more));
  wait_graph_leave(graph(), &more);
  wait_graph_validate(graph());
  leave_all(w, WAIT_GRAPH_MAX);
}

/* Waiter `number` waits for the end of the worker whose thread is `worker`. */
static struct wait_description end_of(uint64_t number, int32_t worker) {
  struct wait_description d = wait_of(number, 0);
  d.use = WAIT_FOR_END;
  d.pid = d.worker_pid = 1;
  d.tid = (int32_t)number;
  d.worker_tid = worker;
  return d;
}

/* 1 waits for the end of 2, which waits for a lock of 1. The younger one is refused; if it cannot be, the other one. */
static void a_cycle_through_a_join_is_a_deadlock(bool is_last) {
  struct wait_cycle cycle = {.count = 0};
  struct wait_description lock = wait_of(2, 9), end = end_of(1, 2);
  lock.pid = 1;
  lock.tid = 2;
  end.is_last = is_last;
  struct graph_wait w[2] = {enter(&lock), enter(&end)};
  for (int i = 0; i < 3; i++) {
    const bool is_lock_refused = look(&w[0], 1, &cycle), is_end_refused = look(&w[1], 0, &cycle);
    CHECK_EQ(is_lock_refused, is_last && i > 0 && cycle.count == 2);
    CHECK_EQ(is_end_refused, !is_last && i > 0 && cycle.count == 2);
  }
  CHECK_EQ(cycle.count, 2);
  leave_all(w, 2);
}

static void waits_for_others_leave_room_for_locks(void) {
  static struct graph_wait w[WAIT_GRAPH_OTHERS];
  struct wait_description d = wait_of(1, 1);
  struct graph_wait more = {.number = 0};
  d.use = WAIT_FOR_EVENT;
  for (int i = 0; i < WAIT_GRAPH_OTHERS; i++) w[i] = enter(&d);
  CHECK(!wait_graph_enter(graph(), segment_self(), &d, &more));
  d.use = WAIT_FOR_LOCK;
  more = enter(&d);
  wait_graph_leave(graph(), &more);
  leave_all(w, WAIT_GRAPH_OTHERS);
}

static const int64_t always = INT64_MAX;

static bool stands_still(struct standstill *seen) {
  struct wait_cycle all = {.count = 0};
  const bool is_said = segment_stands_still(seen, always, &all);
  if (is_said) CHECK(all.count >= THREADS && all.shown >= THREADS);
  return is_said;
}

static struct graph_wait enter_thread(int32_t tid, enum wait_use use) {
  struct wait_description d = wait_of((uint64_t)tid, 0);
  d.use = use;
  d.tid = tid;
  return enter(&d);
}

static void look_both(struct graph_wait *w) {
  struct wait_cycle ignored;
  for (int i = 0; i < THREADS; i++) CHECK(!look(&w[i], 0, &ignored));
}

/* This process is the only one of the program, and has THREADS threads. */
static void a_program_stands_still_when_all_wait_and_have_looked(void) {
  struct standstill seen = {.sum = 0};
  struct wait_cycle ignored;
  struct graph_wait w[THREADS] = {enter_thread(1, WAIT_FOR_EVENT), enter_thread(2, WAIT_IDLE)};
  CHECK(!stands_still(&seen)); /* nobody has looked: how many threads there are is not known */
  look_both(w);
  CHECK(!stands_still(&seen) && !stands_still(&seen));
  CHECK(!look(&w[0], 0, &ignored) && !stands_still(&seen));
  CHECK(!look(&w[1], 0, &ignored));
  CHECK(stands_still(&seen));
  look_both(w);
  CHECK(!stands_still(&seen)); /* once */
  wait_graph_leave(graph(), &w[1]);
  CHECK(!stands_still(&seen));
  w[1] = enter_thread(0, WAIT_FOR_EVENT); /* a task */
  for (int i = 0; i < 3; i++) {
    look_both(w);
    CHECK(!stands_still(&seen));
  }
  wait_graph_leave(graph(), &w[1]);
  w[1] = enter_thread(2, WAIT_FOR_EVENT);
  look_both(w);
  CHECK(!stands_still(&seen));
  look_both(w);
  CHECK(!segment_stands_still(&seen, -1, &ignored)); /* not for so long */
  CHECK(!stands_still(&seen));
  look_both(w);
  CHECK(stands_still(&seen));
  leave_all(w, THREADS);
}

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 60 };

static void change(void *scene) {
  struct graph_wait w[2];
  struct wait_cycle cycle;
  (void)scene;
  enter_cycle(w, 2);
  for (int i = 0; i < 2; i++) (void)!(look(&w[0], 2, &cycle) || look(&w[1], 1, &cycle));
  wait_graph_leave(graph(), &w[0]);
  wait_graph_leave(graph(), &w[1]);
}

/* One dead process is swept by another one that dies as well. */
static void sweep(void *scene) { segment_forget_child(*(struct child_slot *)scene); }

static void enter_and_stay(void *scene) {
  struct graph_wait w[2];
  (void)scene;
  enter_cycle(w, 2);
  raise(SIGKILL);
}

static bool one_death(size_t deed, long point) {
  struct child_slot place;
  struct child_slot dead;
  const struct wait_description d = wait_of(3, 300);
  struct graph_wait mine = enter(&d);
  (void)run_sharing_child(enter_and_stay, NULL, &dead);
  CHECK_EQ(wait_graph_count(graph()), 3);
  const bool has_died = run_doomed_child(deed ? sweep : change, &dead, point, &place);
  segment_forget_child(place);
  segment_forget_child(dead);
  CHECK_EQ(wait_graph_count(graph()), 1);
  wait_graph_validate(graph());
  leave_all(&mine, 1);
  the_youngest_of_a_cycle_alone_is_refused(2);
  return has_died;
}

static void a_death_leaves_the_table_whole(void) { run_kill_test(one_death, 2, POINTS_MAX); }

#else
static void a_death_leaves_the_table_whole(void) {}
#endif

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  the_youngest_of_a_cycle_alone_is_refused(2);
  the_youngest_of_a_cycle_alone_is_refused(MANY);
  a_cycle_in_which_one_has_not_looked_again_is_no_deadlock();
  a_look_that_began_too_early_is_no_proof();
  a_wait_that_began_anew_is_another_one();
  a_holder_that_changes_or_runs_is_no_deadlock();
  readers_and_the_line_of_an_rwlock_block();
  a_full_table_watches_no_further_wait();
  a_cycle_through_a_join_is_a_deadlock(false);
  a_cycle_through_a_join_is_a_deadlock(true);
  waits_for_others_leave_room_for_locks();
  a_program_stands_still_when_all_wait_and_have_looked();
  a_death_leaves_the_table_whole();
  return 0;
}
