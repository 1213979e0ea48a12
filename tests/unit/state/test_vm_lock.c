/* SPDX-License-Identifier: MIT */
/* The VM lock without a VM: the next holder under each schedule, requests to make way, and the
 * accounting.
 *
 * Orders are exact: each waiter is queued before the next one comes, and the interval is an hour,
 * so that no holder is asked. Results that depend on the length of a hold are compared with the
 * counters.
 */
#include <sched.h>
#include <string.h>

#include "base/check.h"
#include "os/clock.h"
#include "state/vm_lock.h"

enum { RACERS = 8, HOLDS = 1000, ORDER_MAX = 16, OFTEN_NS = 100 * 1000 };

static const int64_t HOUR_NS = 3600LL * 1000 * 1000 * 1000;

static struct vm_lock lock;
static struct lock_user me; /* the main thread */
static char order[ORDER_MAX];
static size_t order_size; /* both written by the holder of the lock */

enum manner { URGENT, PATIENT }; /* the thread's holds: short or long */

static int64_t read(const _Atomic int64_t *word) { return atomic_load(word); }

static void behave(struct lock_user *u, enum manner manner) {
  atomic_store(&u->burst_ns, manner == PATIENT ? HOUR_NS : 0);
}

/* ---- a scene: a lock that the main thread holds ---------------------------------------------- */

static void begin(enum lock_schedule schedule, int64_t interval_ns) {
  vm_lock_init(&lock);
  lock_user_init(&me);
  order_size = 0;
  memset(order, 0, sizeof order);
  vm_lock_take(&lock, &me);
  vm_lock_set_schedule(&lock, schedule);
  vm_lock_set_interval(&lock, interval_ns);
}

static void check_free(void) {
  CHECK_EQ(atomic_load(&lock.state), LOCK_FREE);
  CHECK(atomic_load(&lock.owner) == NULL);
  CHECK(!vm_lock_is_asked(&lock));
  CHECK(!lock.urgent.first && !lock.patient.first && !lock.legacy_waiters);
}

static void end(void) {
  check_free();
  CHECK(read(&lock.counters.longest_ns) <= read(&lock.counters.held_ns));
  CHECK(read(&lock.counters.contended) <= read(&lock.counters.takes));
  vm_lock_fini(&lock);
}

/* Checks the first two invariants of state/vm_lock.h; called by the holder of the lock. */
static void check_held_by(const struct lock_user *u) {
  mutex_lock(&lock.guard);
  const bool is_waited = lock.urgent.first || lock.patient.first || lock.legacy_waiters;
  CHECK_EQ(atomic_load(&lock.state), is_waited ? LOCK_WAITED : LOCK_HELD);
  CHECK(atomic_load(&lock.owner) == u);
  mutex_unlock(&lock.guard);
}

static void note(char name) {
  CHECK(order_size < ORDER_MAX - 1);
  order[order_size++] = name;
}

struct waiter {
  struct thread thread;
  struct lock_user user;
  char name;
  int64_t held_before_ns; /* by all threads, before its own hold */
};

static void waiter_main(void *argument) {
  struct waiter *w = argument;
  vm_lock_take(&lock, &w->user);
  check_held_by(&w->user);
  w->held_before_ns = read(&lock.counters.held_ns);
  note(w->name);
  vm_lock_drop(&lock, &w->user);
}

static size_t line_length(const struct lock_line *line) {
  size_t length = 0;
  for (const struct lock_user *u = line->first; u; u = u->next) length++;
  return length;
}

static size_t waiting(void) {
  mutex_lock(&lock.guard);
  const size_t count = line_length(&lock.urgent) + line_length(&lock.patient) + lock.legacy_waiters;
  mutex_unlock(&lock.guard);
  return count;
}

/* Starts a waiter, and returns when it is queued behind the earlier ones. */
static void come(struct waiter *w, char name, enum manner manner) {
  const size_t before = waiting();
  w->name = name;
  lock_user_init(&w->user);
  behave(&w->user, manner);
  CHECK_EQ(thread_start(&w->thread, waiter_main, w, "waiter"), STATUS_OK);
  while (waiting() == before) sched_yield();
}

static void check_order(const char *expected) {
  CHECK_EQ(order_size, strlen(expected));
  CHECK_EQ(memcmp(order, expected, order_size), 0);
}

/* Leaves the lock and joins the waiters, each of which has then held it, in the expected order. */
static void leave_and_join(struct waiter *waiters, size_t count, const char *expected) {
  vm_lock_drop(&lock, &me);
  for (size_t i = 0; i < count; i++) thread_join(&waiters[i].thread);
  check_order(expected);
}

/* ---- one thread ------------------------------------------------------------------------------ */

static void a_lock_without_waiters_is_free_after_it_is_left(void) {
  struct lock_user other;
  begin(LOCK_FAIR, HOUR_NS);
  lock_user_init(&other);
  for (int i = 0; i < 3; i++) {
    check_held_by(&me);
    CHECK_EQ(atomic_load(&lock.state), LOCK_HELD);
    vm_lock_drop(&lock, &me);
    check_free();
    vm_lock_take(&lock, &me);
  }
  vm_lock_drop(&lock, &me);
  vm_lock_take(&lock, &other);
  vm_lock_drop(&lock, &other);
  CHECK_EQ(read(&lock.counters.takes), 5);
  CHECK_EQ(read(&lock.counters.switches), 2); /* to the first thread and to the other one */
  CHECK_EQ(read(&lock.counters.contended), 0);
  CHECK_EQ(read(&lock.counters.waited_ns), 0);
  CHECK_EQ(read(&lock.counters.requests), 0);
  end();
}

static void making_way_without_waiters_keeps_the_lock(void) {
  begin(LOCK_FAIR, HOUR_NS);
  atomic_store(&lock.drop_request, true); /* a request without a waiter */
  vm_lock_make_way(&lock, &me);
  check_held_by(&me);
  CHECK(!vm_lock_is_asked(&lock));
  CHECK_EQ(read(&lock.counters.forced), 0);
  CHECK_EQ(read(&lock.counters.takes), 1);
  vm_lock_drop(&lock, &me);
  end();
}

/* Moves the start of a hold back by an hour. */
static void one_long_hold_counts_at_once_and_fades_slowly(void) {
  begin(LOCK_FAIR, HOUR_NS);
  me.awake_ns -= HOUR_NS;
  vm_lock_drop(&lock, &me);
  const int64_t first_ns = read(&me.burst_ns);
  const int64_t held_ns = read(&lock.counters.held_ns);
  CHECK_EQ(first_ns, HOUR_NS + held_ns);
  vm_lock_take(&lock, &me);
  CHECK(!atomic_load(&lock.is_hold_short));
  vm_lock_drop(&lock, &me);
  CHECK_EQ(read(&me.burst_ns), (first_ns * 3 + read(&lock.counters.held_ns) - held_ns) / 4);
  end();
}

/* ---- the fair schedule: order ---------------------------------------------------------------- */

static void waiters_of_one_kind_get_the_lock_in_order_of_arrival(void) {
  static const enum manner manners[] = {URGENT, PATIENT};
  for (int i = 0; i < 2; i++) {
    struct waiter w[5];
    begin(LOCK_FAIR, HOUR_NS);
    for (int k = 0; k < 5; k++) come(&w[k], (char)('a' + k), manners[i]);
    CHECK_EQ(atomic_load(&lock.state), LOCK_WAITED);
    CHECK_EQ(line_length(manners[i] == URGENT ? &lock.urgent : &lock.patient), 5);
    leave_and_join(w, 5, "abcde");
    CHECK_EQ(read(&lock.counters.contended), 5);
    CHECK_EQ(read(&lock.counters.switches), 6);
    end();
  }
}

static void a_thread_that_leaves_the_lock_is_behind_those_that_wait_for_it(void) {
  struct waiter w;
  begin(LOCK_FAIR, HOUR_NS);
  come(&w, 'a', URGENT);
  vm_lock_drop(&lock, &me);
  vm_lock_take(&lock, &me);
  check_order("a");
  leave_and_join(&w, 1, "a");
  end();
}

static void urgent_threads_go_first_while_they_have_credit(void) {
  struct waiter w[3];
  begin(LOCK_FAIR, HOUR_NS);
  behave(&me, PATIENT);
  come(&w[0], 'p', PATIENT);
  come(&w[1], 'u', URGENT);
  come(&w[2], 'v', URGENT);
  leave_and_join(w, 3, "uvp");
  end();
}

/* The credit is at least -interval; with the interval 0 it is exactly 0. */
static void urgent_threads_without_credit_go_last(int64_t interval_ns) {
  struct waiter w[3];
  begin(LOCK_FAIR, interval_ns);
  atomic_store(&lock.credit_ns, 0);
  come(&w[0], 'u', URGENT);
  come(&w[1], 'p', PATIENT);
  come(&w[2], 'q', PATIENT);
  for (int i = 1; i < 3; i++)
    behave(&w[i].user, URGENT); /* they wait in the patient queue, and earn no credit */
  leave_and_join(w, 3, "pqu");
  end();
}

static void an_urgent_thread_without_credit_goes_first_if_no_patient_one_waits(void) {
  struct waiter w;
  begin(LOCK_FAIR, HOUR_NS);
  atomic_store(&lock.credit_ns, -1);
  come(&w, 'u', URGENT);
  leave_and_join(&w, 1, "u");
  end();
}

/* ---- the fair schedule: making way ----------------------------------------------------------- */

static void a_thread_that_makes_way_for_patient_ones_goes_last(void) {
  struct waiter w[2];
  begin(LOCK_FAIR, HOUR_NS);
  behave(&me, PATIENT);
  come(&w[0], 'p', PATIENT);
  come(&w[1], 'q', PATIENT);
  vm_lock_make_way(&lock, &me);
  check_held_by(&me);
  check_order("pq");
  CHECK_EQ(read(&me.left_ns), 0);
  CHECK_EQ(read(&lock.counters.forced), 1);
  CHECK_EQ(read(&lock.counters.contended), 3);
  leave_and_join(w, 2, "pq");
  CHECK_EQ(read(&lock.counters.takes), 4); /* one thread took it twice */
  end();
}

static void a_thread_that_makes_way_for_an_urgent_one_goes_on_first_with_what_is_left_of_its_quantum(void) {
  struct waiter w[3];
  begin(LOCK_FAIR, HOUR_NS);
  behave(&me, PATIENT);
  come(&w[0], 'p', PATIENT);
  come(&w[1], 'u', URGENT);
  vm_lock_make_way(&lock, &me);
  check_order("u");
  const int64_t left_ns = HOUR_NS - w[1].held_before_ns;
  CHECK_EQ(read(&me.left_ns), left_ns);
  const int64_t held_ns = read(&lock.counters.held_ns);
  come(&w[2], 'v', URGENT);
  vm_lock_make_way(&lock, &me);
  check_order("uv");
  CHECK_EQ(read(&me.left_ns), left_ns - (w[2].held_before_ns - held_ns));
  leave_and_join(w, 3, "uvp");
  CHECK_EQ(read(&me.left_ns), 0);
  end();
}

static void a_thread_that_makes_way_when_its_quantum_is_used_up_goes_last(void) {
  struct waiter w[2];
  begin(LOCK_FAIR, 1);
  behave(&me, PATIENT);
  come(&w[0], 'p', PATIENT);
  come(&w[1], 'u', URGENT);
  vm_lock_make_way(&lock, &me);
  check_order("up");
  leave_and_join(w, 2, "up");
  end();
}

/* ---- credit ---------------------------------------------------------------------------------- */

static void holds_of_patient_threads_earn_two_thirds_as_credit(void) {
  begin(LOCK_FAIR, HOUR_NS);
  atomic_store(&lock.credit_ns, -HOUR_NS / 2);
  behave(&me, PATIENT);
  vm_lock_drop(&lock, &me);
  CHECK_EQ(read(&lock.credit_ns), -HOUR_NS / 2 + read(&lock.counters.held_ns) / 3 * 2);
  end();
}

static void an_urgent_hold_spends_credit_if_others_wait(void) {
  struct waiter w;
  begin(LOCK_FAIR, HOUR_NS);
  const int64_t most_ns = read(&lock.credit_ns);
  vm_lock_drop(&lock, &me);
  CHECK_EQ(read(&lock.credit_ns), most_ns);
  behave(&me, URGENT);
  vm_lock_take(&lock, &me);
  const int64_t held_ns = read(&lock.counters.held_ns);
  come(&w, 'u', URGENT);
  leave_and_join(&w, 1, "u");
  CHECK_EQ(read(&lock.credit_ns), most_ns - (w.held_before_ns - held_ns));
  end();
}

static void credit_stays_within_its_limits(void) {
  struct waiter w;
  begin(LOCK_FAIR, HOUR_NS);
  const int64_t most_ns = read(&lock.credit_ns);
  behave(&me, PATIENT);
  vm_lock_drop(&lock, &me);
  CHECK_EQ(read(&lock.credit_ns), most_ns);
  behave(&me, URGENT);
  vm_lock_take(&lock, &me);
  vm_lock_set_interval(&lock, 1);
  atomic_store(&lock.credit_ns, -1);
  come(&w, 'u', URGENT);
  leave_and_join(&w, 1, "u");
  CHECK_EQ(read(&lock.credit_ns), -1); /* minus one quantum at most */
  end();
}

/* ---- asking ---------------------------------------------------------------------------------- */

static _Atomic int times_asked;
static const struct lock_user *_Atomic last_asked;

static void on_ask(const struct lock_user *owner) {
  atomic_store(&last_asked, owner);
  atomic_fetch_add(&times_asked, 1);
}

static void let_ask(void) {
  atomic_store(&times_asked, 0);
  atomic_store(&lock.ask, on_ask);
}

static void await_asked(int times) {
  while (atomic_load(&times_asked) < times) sched_yield();
  CHECK(atomic_load(&last_asked) == &me);
  CHECK(read(&lock.counters.requests) >= times);
}

/* The first request may be lost, so the waiter asks again. */
static void a_holder_whose_quantum_is_over_is_asked_until_it_makes_way(enum lock_schedule schedule) {
  struct waiter w;
  begin(schedule, 1000);
  let_ask();
  behave(&me, PATIENT);
  come(&w, 'p', PATIENT);
  await_asked(3);
  CHECK(vm_lock_is_asked(&lock));
  check_order("");
  vm_lock_set_interval(&lock, HOUR_NS);
  vm_lock_make_way(&lock, &me);
  check_order("p");
  CHECK(!vm_lock_is_asked(&lock));
  CHECK_EQ(read(&lock.counters.forced), 1);
  leave_and_join(&w, 1, "p");
  end();
}

static void a_patient_holder_is_asked_for_an_urgent_thread_long_before_its_quantum_is_over(void) {
  struct waiter w;
  begin(LOCK_FAIR, HOUR_NS);
  let_ask();
  behave(&me, PATIENT);
  come(&w, 'u', URGENT);
  await_asked(1);
  leave_and_join(&w, 1, "u");
  end();
}

static void a_request_is_over_when_the_lock_is_left(enum lock_schedule schedule) {
  struct waiter w[2];
  begin(schedule, 1000);
  let_ask();
  come(&w[0], 'a', URGENT);
  await_asked(1);
  vm_lock_set_interval(&lock, HOUR_NS);
  leave_and_join(w, 1, "a");
  CHECK(!vm_lock_is_asked(&lock));
  end();
}

/* ---- the legacy schedule --------------------------------------------------------------------- */

static void a_legacy_holder_that_makes_way_waits_for_a_switch(void) {
  struct waiter w;
  begin(LOCK_LEGACY, HOUR_NS);
  come(&w, 'a', URGENT);
  vm_lock_make_way(&lock, &me);
  check_held_by(&me);
  check_order("a");
  CHECK_EQ(read(&lock.counters.forced), 1);
  CHECK_EQ(read(&lock.counters.contended), 2); /* each of the two waited once */
  leave_and_join(&w, 1, "a");
  end();
}

static void each_legacy_waiter_gets_the_lock_once(void) {
  struct waiter w[5];
  begin(LOCK_LEGACY, HOUR_NS);
  for (int k = 0; k < 5; k++) come(&w[k], 'x', PATIENT);
  CHECK_EQ(lock.legacy_waiters, 5);
  CHECK_EQ(atomic_load(&lock.state), LOCK_WAITED);
  leave_and_join(w, 5, "xxxxx");
  CHECK_EQ(read(&lock.counters.contended), 5);
  end();
}

static void a_change_of_schedule_leaves_no_waiter_blocked(void) {
  struct waiter w[2];
  begin(LOCK_FAIR, HOUR_NS);
  come(&w[0], 'f', PATIENT);
  vm_lock_set_schedule(&lock, LOCK_LEGACY);
  come(&w[1], 'l', PATIENT);
  leave_and_join(w, 2, "fl");
  end();
  begin(LOCK_LEGACY, HOUR_NS);
  come(&w[0], 'l', PATIENT);
  vm_lock_set_schedule(&lock, LOCK_FAIR);
  come(&w[1], 'f', PATIENT);
  leave_and_join(w, 2, "fl");
  end();
}

/* ---- the books ------------------------------------------------------------------------------- */

static void counters_have_the_times_of_holds_and_waits(enum lock_schedule schedule) {
  struct waiter w;
  const int64_t began_ns = clock_now_ns();
  begin(schedule, HOUR_NS);
  const int64_t taken_ns = clock_now_ns();
  come(&w, 'a', URGENT);
  const int64_t waits_ns = clock_now_ns();
  while (clock_now_ns() == waits_ns) cpu_relax();
  const int64_t left_ns = clock_now_ns();
  leave_and_join(&w, 1, "a");
  const int64_t ended_ns = clock_now_ns();
  CHECK(read(&lock.counters.longest_ns) >= left_ns - taken_ns);
  CHECK(read(&lock.counters.held_ns) >= left_ns - taken_ns);
  CHECK(read(&lock.counters.held_ns) <= ended_ns - began_ns); /* holds do not overlap */
  CHECK(read(&lock.counters.waited_ns) >= left_ns - waits_ns);
  CHECK(read(&lock.counters.waited_ns) <= ended_ns - taken_ns);
  end();
}

/* ---- many threads ---------------------------------------------------------------------------- */

struct race {
  enum lock_schedule schedule; /* at first */
  int64_t interval_ns;
  bool changes_schedule;
  const struct lock_user *inside; /* protected by the lock, as is the next field */
  int64_t visits;
};

struct racer {
  struct thread thread;
  struct lock_user user;
  struct race *race;
  int64_t visits;
};

/* Some holds are long, so that other threads wait. */
static void visit(struct racer *r, int number) {
  CHECK(r->race->inside == NULL);
  r->race->inside = &r->user;
  r->race->visits++;
  r->visits++;
  if (number % 16 == 0) sched_yield();
  check_held_by(&r->user);
  CHECK(r->race->inside == &r->user);
  r->race->inside = NULL;
}

static void racer_main(void *argument) {
  struct racer *r = argument;
  lock_user_init(&r->user);
  for (int i = 0; i < HOLDS; i++) {
    vm_lock_take(&lock, &r->user);
    visit(r, i);
    if (r->race->changes_schedule && i % 50 == 0)
      vm_lock_set_schedule(&lock, i % 100 ? LOCK_FAIR : LOCK_LEGACY);
    if (i % 8 == 0 || vm_lock_is_asked(&lock)) {
      vm_lock_make_way(&lock, &r->user);
      visit(r, i);
    }
    vm_lock_drop(&lock, &r->user);
  }
}

static void many_threads_exclude_each_other_and_all_finish(struct race race) {
  static struct racer racers[RACERS];
  const int64_t began_ns = clock_now_ns();
  begin(race.schedule, race.interval_ns);
  for (size_t i = 0; i < RACERS; i++) {
    racers[i] = (struct racer){.race = &race};
    CHECK_EQ(thread_start(&racers[i].thread, racer_main, &racers[i], "racer"), STATUS_OK);
  }
  while (waiting() < RACERS) sched_yield();
  vm_lock_drop(&lock, &me);
  int64_t visits = 0;
  for (size_t i = 0; i < RACERS; i++) {
    thread_join(&racers[i].thread);
    visits += racers[i].visits;
  }
  const int64_t elapsed_ns = clock_now_ns() - began_ns;
  CHECK_EQ(race.visits, visits);
  CHECK_EQ(read(&lock.counters.takes), 1 + RACERS * HOLDS + read(&lock.counters.forced));
  CHECK(read(&lock.counters.switches) <= read(&lock.counters.takes));
  CHECK(read(&lock.counters.held_ns) <= elapsed_ns);
  CHECK(read(&lock.counters.waited_ns) <= RACERS * elapsed_ns);
  end();
}

/* With frequent requests, and without any: then progress depends on the wake-ups alone. */
static void many_threads_race(enum lock_schedule schedule) {
  const int64_t intervals_ns[] = {OFTEN_NS, HOUR_NS};
  for (int i = 0; i < 4; i++)
    many_threads_exclude_each_other_and_all_finish(
        (struct race){.schedule = schedule, .interval_ns = intervals_ns[i % 2], .changes_schedule = i >= 2});
}

int main(void) {
  a_lock_without_waiters_is_free_after_it_is_left();
  making_way_without_waiters_keeps_the_lock();
  one_long_hold_counts_at_once_and_fades_slowly();
  waiters_of_one_kind_get_the_lock_in_order_of_arrival();
  a_thread_that_leaves_the_lock_is_behind_those_that_wait_for_it();
  urgent_threads_go_first_while_they_have_credit();
  urgent_threads_without_credit_go_last(HOUR_NS);
  urgent_threads_without_credit_go_last(0);
  an_urgent_thread_without_credit_goes_first_if_no_patient_one_waits();
  a_thread_that_makes_way_for_patient_ones_goes_last();
  a_thread_that_makes_way_for_an_urgent_one_goes_on_first_with_what_is_left_of_its_quantum();
  a_thread_that_makes_way_when_its_quantum_is_used_up_goes_last();
  holds_of_patient_threads_earn_two_thirds_as_credit();
  an_urgent_hold_spends_credit_if_others_wait();
  credit_stays_within_its_limits();
  for (enum lock_schedule s = LOCK_FAIR; s <= LOCK_LEGACY; s++) {
    a_holder_whose_quantum_is_over_is_asked_until_it_makes_way(s);
    a_request_is_over_when_the_lock_is_left(s);
    counters_have_the_times_of_holds_and_waits(s);
    many_threads_race(s);
  }
  a_patient_holder_is_asked_for_an_urgent_thread_long_before_its_quantum_is_over();
  a_legacy_holder_that_makes_way_waits_for_a_switch();
  each_legacy_waiter_gets_the_lock_once();
  a_change_of_schedule_leaves_no_waiter_blocked();
  return 0;
}
