/* SPDX-License-Identifier: MIT */
/* In this order: the queues of waiters, accounting, asking, handing over, the legacy schedule, the
 * public functions.
 */
#include "state/vm_lock.h"

#include <limits.h>
#include <string.h>

#include "os/clock.h"

enum {
  INTERVAL_NS = 5 * 1000 * 1000,
  URGENT_QUANTUM_NS = 50 * 1000, /* a holder runs for this long before an urgent thread may ask */
  SHORT_BURST_NS = 200 * 1000,   /* a thread with shorter holds is urgent */
  LONG_BURST_NS = 2 * 1000 * 1000,
  CREDIT_MOST_NS = 20 * 1000 * 1000,
  ASK_AGAIN_NS = 200 * 1000,
  ASK_SELDOM_NS = 10 * 1000 * 1000,
  SPIN_ROUNDS = 300,
};

/* The credit that a hold of a patient thread earns: 2 / 3 of its time. So urgent threads get at
 * most two fifths of all time while patient ones wait. */
static int64_t earned_by(int64_t held_ns) { return held_ns / 3 * 2; }

void vm_lock_init(struct vm_lock *l) {
  memset(l, 0, sizeof *l);
  atomic_store(&l->interval_ns, INTERVAL_NS);
  atomic_store(&l->credit_ns, CREDIT_MOST_NS);
  mutex_init(&l->guard);
}

void vm_lock_fini(struct vm_lock *l) { mutex_fini(&l->guard); }

void lock_user_init(struct lock_user *u) {
  memset(u, 0, sizeof *u);
  lock_user_is_here(u);
}

void lock_user_is_here(struct lock_user *u) {
  u->thread = thread_self();
  u->number = thread_kernel_id();
}

/* ---- queues of waiters ----------------------------------------------------------------------- */

static void line_append(struct lock_line *line, struct lock_user *u) {
  u->next = NULL;
  if (line->last)
    line->last->next = u;
  else
    line->first = u;
  line->last = u;
}

static void line_prepend(struct lock_line *line, struct lock_user *u) {
  u->next = line->first;
  line->first = u;
  if (!line->last) line->last = u;
}

static struct lock_user *line_take(struct lock_line *line) {
  struct lock_user *u = line->first;
  line->first = u->next;
  if (!line->first) line->last = NULL;
  return u;
}

static bool has_waiters(const struct vm_lock *l) {
  return l->urgent.first || l->patient.first || l->legacy_waiters;
}

static int64_t read(const _Atomic int64_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }
static void write(_Atomic int64_t *word, int64_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}
static void add(_Atomic int64_t *word, int64_t value) { write(word, read(word) + value); }

/* Urgent threads go first while there is credit, or no patient one waits. */
static bool is_urgent_next(const struct vm_lock *l) {
  return l->urgent.first && (read(&l->credit_ns) > 0 || !l->patient.first);
}

static struct lock_user *take_next(struct vm_lock *l) {
  if (is_urgent_next(l)) return line_take(&l->urgent);
  return l->patient.first ? line_take(&l->patient) : NULL;
}

/* ---- accounting of the holder ---------------------------------------------------------------- */

static bool is_short(const struct lock_user *u) { return read(&u->burst_ns) < SHORT_BURST_NS; }

static void begin_hold(struct vm_lock *l, struct lock_user *u) {
  u->awake_ns = clock_now_ns();
  write(&u->taken_ns, u->awake_ns);
  add(&l->counters.takes, 1);
  if (atomic_load_explicit(&l->last_owner, memory_order_relaxed) != u) add(&l->counters.switches, 1);
  atomic_store_explicit(&l->last_owner, u, memory_order_relaxed);
  atomic_store_explicit(&l->is_hold_short, is_short(u), memory_order_relaxed);
}

/* Urgent threads spend credit while others wait, and gain credit while patient threads hold the
 * lock. */
static void update_credit(struct vm_lock *l, const struct lock_user *u, int64_t held_ns) {
  int64_t credit = read(&l->credit_ns);
  if (!is_short(u))
    credit += earned_by(held_ns);
  else if (atomic_load_explicit(&l->state, memory_order_relaxed) == LOCK_WAITED)
    credit -= held_ns;
  if (credit > CREDIT_MOST_NS) credit = CREDIT_MOST_NS;
  if (credit < -read(&l->interval_ns)) credit = -read(&l->interval_ns);
  write(&l->credit_ns, credit);
}

/* Updates the typical hold from the running time, without the time of the wake-up. One very long
 * hold makes a thread patient at once; several short ones make it urgent again. */
static void learn_burst(struct lock_user *u, int64_t ran_ns) {
  const int64_t average_ns = (read(&u->burst_ns) * 3 + ran_ns) / 4;
  write(&u->burst_ns, ran_ns > LONG_BURST_NS && ran_ns > average_ns ? ran_ns : average_ns);
}

static int64_t end_hold(struct vm_lock *l, struct lock_user *u) {
  const int64_t now = clock_now_ns();
  const int64_t held_ns = now - read(&u->taken_ns);
  add(&l->counters.held_ns, held_ns);
  if (held_ns > read(&l->counters.longest_ns)) write(&l->counters.longest_ns, held_ns);
  update_credit(l, u, held_ns);
  learn_burst(u, now - u->awake_ns);
  return held_ns;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int64_t quantum_of(const struct vm_lock *l, const struct lock_user *owner) {
  const int64_t left_ns = read(&owner->left_ns);
  return left_ns > 0 ? left_ns : read(&l->interval_ns);
}

/* The time at which this waiter asks the owner. */
static int64_t time_to_ask(const struct vm_lock *l, const struct lock_user *u,
                           const struct lock_user *owner) {
  const bool is_favoured = u->is_urgent && read(&l->credit_ns) > 0 && !is_short(owner);
  return read(&owner->taken_ns) + (is_favoured ? URGENT_QUANTUM_NS : quantum_of(l, owner));
}

static void ask_owner(struct vm_lock *l, const struct lock_user *owner) {
  void (*ask)(const struct lock_user *) = atomic_load(&l->ask);
  atomic_store(&l->drop_request, true);
  add(&l->counters.requests, 1);
  if (ask) ask(owner);
}

/* Asks the owner if it is time. Returns the time of the next check. */
static int64_t ask_if_due(struct vm_lock *l, const struct lock_user *u, int64_t *pause_ns) {
  const int64_t now = clock_now_ns();
  int64_t next = now + ASK_AGAIN_NS;
  mutex_lock(&l->guard);
  const struct lock_user *owner = atomic_load(&l->owner);
  if (owner && !atomic_load(&u->granted)) {
    const int64_t end = time_to_ask(l, u, owner);
    if (end > now) {
      next = end;
    } else {
      ask_owner(l, owner);
      next = now + *pause_ns;
      if (*pause_ns < ASK_SELDOM_NS) *pause_ns *= 2;
    }
  }
  mutex_unlock(&l->guard);
  return next;
}

/* ---- the fair schedule: handing over --------------------------------------------------------- */

static void wait_for_turn(struct vm_lock *l, struct lock_user *u) {
  int64_t pause_ns = ASK_AGAIN_NS;
  while (!atomic_load_explicit(&u->granted, memory_order_acquire)) {
    const deadline next = {ask_if_due(l, u, &pause_ns)};
    if (futex_wait(&u->granted, 0, next) == STATUS_OK) continue;
  }
  u->awake_ns = clock_now_ns();
}

static void hand_over(struct vm_lock *l, struct lock_user *next) {
  atomic_store(&l->drop_request, false);
  begin_hold(l, next);
  atomic_store(&l->state, has_waiters(l) ? LOCK_WAITED : LOCK_HELD);
  atomic_store(&l->owner, next);
  atomic_store_explicit(&next->granted, 1, memory_order_release);
}

/* Called under the guard, which it releases. Hands the lock to the next waiter, or frees it. Does
 * not touch the thread that left: it may be gone. */
static void release(struct vm_lock *l) NO_THREAD_SAFETY_ANALYSIS {
  struct lock_user *next = take_next(l);
  if (!next) {
    atomic_store(&l->drop_request, false);
    const bool is_awaited = l->legacy_waiters > 0;
    atomic_store(&l->state, is_awaited ? LOCK_AWAITED : LOCK_FREE);
    if (is_awaited) atomic_fetch_add(&l->legacy_event, 1);
    mutex_unlock(&l->guard);
    if (is_awaited) futex_wake(&l->legacy_event, 1);
    return;
  }
  hand_over(l, next);
  mutex_unlock(&l->guard);
  futex_wake(&next->granted, 1);
}

/* Under the guard: takes the lock if it is free, else sets its state to WAITED. */
static bool take_or_mark(struct vm_lock *l) {
  const uint32_t taken = has_waiters(l) ? LOCK_WAITED : LOCK_HELD;
  for (;;) {
    uint32_t seen = atomic_load(&l->state);
    const bool is_free = seen == LOCK_FREE || seen == LOCK_AWAITED;
    if (atomic_compare_exchange_strong(&l->state, &seen, is_free ? taken : LOCK_WAITED)) return is_free;
  }
}

static void own(struct vm_lock *l, struct lock_user *u) {
  begin_hold(l, u);
  atomic_store(&l->owner, u);
}

static void count_wait(struct vm_lock *l, int64_t since) {
  add(&l->counters.contended, 1);
  add(&l->counters.waited_ns, clock_now_ns() - since);
}

/* False: the lock was free, and no wait was needed. */
static bool take_in_line(struct vm_lock *l, struct lock_user *u) {
  mutex_lock(&l->guard);
  if (take_or_mark(l)) {
    mutex_unlock(&l->guard);
    own(l, u);
    return false;
  }
  atomic_store(&u->granted, 0);
  write(&u->left_ns, 0);
  u->is_urgent = is_short(u);
  line_append(u->is_urgent ? &l->urgent : &l->patient, u);
  mutex_unlock(&l->guard);
  wait_for_turn(l, u);
  return true;
}

/* ---- the legacy schedule --------------------------------------------------------------------- */

/* Waits for a release. Asks the owner if a whole interval passes without a switch. */
static void wait_legacy(struct vm_lock *l, uint32_t event, int64_t switches) NO_THREAD_SAFETY_ANALYSIS {
  const deadline until = {clock_now_ns() + read(&l->interval_ns)};
  mutex_unlock(&l->guard);
  const status st = futex_wait(&l->legacy_event, event, until);
  mutex_lock(&l->guard);
  const struct lock_user *owner = atomic_load(&l->owner);
  if (st == STATUS_TIMEOUT && owner && read(&l->counters.switches) == switches) ask_owner(l, owner);
}

static void take_legacy(struct vm_lock *l, struct lock_user *u) {
  mutex_lock(&l->guard);
  l->legacy_waiters++;
  while (!take_or_mark(l)) wait_legacy(l, atomic_load(&l->legacy_event), read(&l->counters.switches));
  l->legacy_waiters--;
  if (!has_waiters(l)) atomic_store(&l->state, LOCK_HELD);
  own(l, u);
  atomic_fetch_add(&l->legacy_taken, 1);
  mutex_unlock(&l->guard);
  futex_wake(&l->legacy_taken, INT_MAX);
}

/* A holder that made way waits here until another thread has had the lock. */
static void await_switch(struct vm_lock *l, uint32_t taken) {
  const deadline until = {clock_now_ns() + read(&l->interval_ns)};
  if (futex_wait(&l->legacy_taken, taken, until)) return;
}

/* ---- taking and leaving ---------------------------------------------------------------------- */

/* Spins while the owner's holds are short: a wake-up costs more. */
static bool spin(struct vm_lock *l) {
  if (!atomic_load_explicit(&l->is_hold_short, memory_order_relaxed)) return false;
  for (int i = 0; i < SPIN_ROUNDS; i++) {
    uint32_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
    if (seen == LOCK_WAITED || seen == LOCK_AWAITED) return false;
    if (seen == LOCK_FREE && atomic_compare_exchange_strong(&l->state, &seen, LOCK_HELD)) return true;
    cpu_relax();
  }
  return false;
}

static bool take_at_once(struct vm_lock *l, struct lock_user *u) {
  uint32_t seen = LOCK_FREE;
  if (!atomic_compare_exchange_strong(&l->state, &seen, LOCK_HELD)) return false;
  own(l, u);
  return true;
}

/* True: the thread slept, or stood in a queue. */
static bool take_slowly(struct vm_lock *l, struct lock_user *u) {
  if (spin(l)) {
    own(l, u);
    return false;
  }
  if (atomic_load_explicit(&l->schedule, memory_order_relaxed) == LOCK_FAIR) return take_in_line(l, u);
  take_legacy(l, u);
  return true;
}

void vm_lock_take(struct vm_lock *l, struct lock_user *u) NO_THREAD_SAFETY_ANALYSIS {
  if (!take_at_once(l, u)) {
    trace_mark(TRACE_LOCK_WAIT);
    const int64_t since = clock_now_ns();
    atomic_store_explicit(&u->is_waiting, true, memory_order_relaxed);
    if (take_slowly(l, u)) count_wait(l, since);
    atomic_store_explicit(&u->is_waiting, false, memory_order_relaxed);
  }
  trace_mark(TRACE_LOCK_TAKEN);
}

void vm_lock_drop(struct vm_lock *l, struct lock_user *u) NO_THREAD_SAFETY_ANALYSIS {
  trace_mark(TRACE_LOCK_LEFT);
  end_hold(l, u);
  write(&u->left_ns, 0);
  atomic_store(&l->owner, NULL);
  uint32_t seen = LOCK_HELD;
  if (atomic_compare_exchange_strong(&l->state, &seen, LOCK_FREE)) return;
  mutex_lock(&l->guard);
  release(l);
}

bool vm_lock_borrow(struct vm_lock *l) {
  uint32_t seen = LOCK_FREE;
  return atomic_compare_exchange_strong(&l->state, &seen, LOCK_HELD);
}

void vm_lock_give_back(struct vm_lock *l) NO_THREAD_SAFETY_ANALYSIS {
  uint32_t seen = LOCK_HELD;
  if (atomic_compare_exchange_strong(&l->state, &seen, LOCK_FREE)) return;
  mutex_lock(&l->guard);
  release(l);
}

/* Queues a thread that makes way: at the front, with the rest of its quantum, if left_ns is not
 * 0. */
static void stand_in_line(struct vm_lock *l, struct lock_user *u, int64_t left_ns) {
  atomic_store(&u->granted, 0);
  u->is_urgent = false;
  write(&u->left_ns, left_ns);
  if (left_ns > 0)
    line_prepend(&l->patient, u);
  else
    line_append(&l->patient, u);
}

static void make_way_in_line(struct vm_lock *l, struct lock_user *u, int64_t held_ns)
    NO_THREAD_SAFETY_ANALYSIS {
  struct lock_user *next = take_next(l);
  const int64_t left_ns = quantum_of(l, u) - held_ns;
  stand_in_line(l, u, next->is_urgent && left_ns > 0 ? left_ns : 0);
  hand_over(l, next);
  mutex_unlock(&l->guard);
  futex_wake(&next->granted, 1);
  wait_for_turn(l, u);
}

static void make_way_legacy(struct vm_lock *l, struct lock_user *u) NO_THREAD_SAFETY_ANALYSIS {
  const uint32_t taken = atomic_load(&l->legacy_taken);
  release(l);
  await_switch(l, taken);
  if (!take_at_once(l, u)) (void)take_slowly(l, u); /* the caller counts the whole wait */
}

void vm_lock_make_way(struct vm_lock *l, struct lock_user *u) NO_THREAD_SAFETY_ANALYSIS {
  mutex_lock(&l->guard);
  atomic_store(&l->drop_request, false);
  if (!has_waiters(l)) {
    mutex_unlock(&l->guard);
    return;
  }
  trace_mark(TRACE_LOCK_LEFT);
  trace_mark_again(TRACE_LOCK_WAIT, 0);
  const int64_t held_ns = end_hold(l, u);
  const int64_t since = clock_now_ns();
  add(&l->counters.forced, 1);
  atomic_store(&l->owner, NULL);
  atomic_store_explicit(&u->is_waiting, true, memory_order_relaxed);
  if (l->urgent.first || l->patient.first)
    make_way_in_line(l, u, held_ns);
  else
    make_way_legacy(l, u);
  atomic_store_explicit(&u->is_waiting, false, memory_order_relaxed);
  trace_mark(TRACE_LOCK_TAKEN);
  count_wait(l, since);
}

void vm_lock_set_schedule(struct vm_lock *l, enum lock_schedule schedule) {
  mutex_lock(&l->guard);
  atomic_store_explicit(&l->schedule, schedule, memory_order_relaxed);
  mutex_unlock(&l->guard);
}

void vm_lock_set_interval(struct vm_lock *l, int64_t interval_ns) {
  mutex_lock(&l->guard);
  write(&l->interval_ns, interval_ns);
  mutex_unlock(&l->guard);
}
