/* SPDX-License-Identifier: MIT */
#include "shared/condition.h"

#include <errno.h>
#include <limits.h>

#include "os/clock.h"
#include "shared/kill_point.h"

/* ---- conditions ------------------------------------------------------------------------------ */

status condition_enter(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w) {
  synchronizer_lock(s);
  const bool has_entered = synchronizer_enter(s, slot, w);
  synchronizer_unlock(s);
  return has_entered ? STATUS_OK : -EAGAIN;
}

bool condition_leave(struct synchronizer *s, struct synchronizer_wait *w) {
  synchronizer_lock(s);
  const bool was_notified = synchronizer_waiter_state(w) == WAITER_GRANTED;
  synchronizer_leave(s, w);
  synchronizer_unlock(s);
  return was_notified;
}

status condition_sleep(struct synchronizer *s, struct synchronizer_wait *w, deadline until) {
  while (synchronizer_waiter_state(w) != WAITER_GRANTED) {
    const status st = synchronizer_sleep(s, &w->waiter->state, WAITER_WAITING, until);
    if (st) return st;
  }
  (void)condition_leave(s, w);
  return STATUS_OK;
}

static void notify(struct synchronizer *s, uint64_t count, struct synchronizer_wakes *wakes) {
  for (struct waiter *p = synchronizer_next(s, 0); count && p; p = synchronizer_next(s, 0), count--)
    synchronizer_move(p, WAITER_GRANTED, wakes);
}

/* Under the lock the line stands still; they are woken when it is left. */
static void notify_locked(struct synchronizer *s, uint64_t count) REQUIRES(rank_sync) {
  struct synchronizer_wakes wakes = {.count = 0};
  notify(s, count, &wakes);
  for (size_t i = 0; i < wakes.count; i++) futex_wake(wakes.words[i], 1);
}

void condition_notify(struct synchronizer *s, uint64_t count) {
  synchronizer_lock(s);
  notify_locked(s, count);
  synchronizer_unlock(s);
}

static void settle_nothing(struct synchronizer *s, struct synchronizer_wakes *wakes) {
  (void)s;
  (void)wakes;
}

/* The waiters go one after the other, each after its successor was notified: a process that dies in
 * between notifies one too many, and never one too few. */
static void forget_in_condition(struct synchronizer *s, uint32_t slot) NO_THREAD_SAFETY_ANALYSIS {
  const struct waiter *end = synchronizer_waiters_end(s);
  for (struct waiter *p = s->waiters; p < end; p++) {
    if (atomic_load(&p->state) != WAITER_GRANTED || p->slot != slot) continue;
    notify_locked(s, 1);
    KILL_POINT("condition.passed_on");
    struct synchronizer_wait w = {.waiter = p, .ticket = p->ticket};
    synchronizer_leave(s, &w);
  }
  (void)synchronizer_forget_waiters(s, slot);
}

const struct synchronizer_rules condition_rules = {settle_nothing, forget_in_condition, NULL, NULL};

/* ---- events ---------------------------------------------------------------------------------- */

void event_set(struct synchronizer *s) {
  if (atomic_exchange(&s->is_set, 1)) return;
  KILL_POINT("event.set");
  atomic_fetch_add(&s->sets, 1);
  futex_wake(&s->sets, INT_MAX);
  synchronizer_wake_watchers(s);
}

void event_clear(struct synchronizer *s) { atomic_store(&s->is_set, 0); }
bool event_is_set(const struct synchronizer *s) { return atomic_load(&s->is_set) != 0; }

enum { LOOK_AGAIN_NS = 100 * 1000 * 1000 };
static const uint64_t has_seen = UINT64_C(1) << 32;

status event_wait(struct synchronizer *s, uint64_t *seen, deadline until) {
  if (!*seen) *seen = has_seen | atomic_load(&s->sets);
  const uint32_t sets = (uint32_t)*seen;
  while (!event_is_set(s) && atomic_load(&s->sets) == sets) {
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    const deadline soon = {clock_now_ns() + LOOK_AGAIN_NS};
    const status st = futex_wait(&s->sets, sets, deadline_earlier(until, soon));
    if (st == STATUS_INTERRUPTED) return st;
  }
  return STATUS_OK;
}

bool event_watch(struct synchronizer *s, waker_set wakers) {
  synchronizer_register_wakers(s, wakers);
  return event_is_set(s);
}

const struct synchronizer_rules event_rules = {settle_nothing, NULL, NULL, NULL};
