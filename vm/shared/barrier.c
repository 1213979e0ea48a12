/* SPDX-License-Identifier: MIT */
#include "shared/barrier.h"

#include <limits.h>

#include "os/clock.h"
#include "shared/kill_point.h"

static void set_phase(struct synchronizer *s, enum barrier_phase phase) {
  synchronizer_begin_change(s, 0);
  s->now.phase = phase;
  synchronizer_end_change(s);
}

static void break_locked(struct synchronizer *s) {
  synchronizer_begin_change(s, 0);
  s->now.is_broken = 1;
  s->now.phase = BARRIER_FILLS;
  synchronizer_end_change(s);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* A party that arrives while the last one acts waits for the next round without a waiter. */
static void call_in(struct synchronizer *s) {
  atomic_fetch_add(&s->room, 1);
  futex_wake(&s->room, INT_MAX);
}

static void settle(struct synchronizer *s, struct synchronizer_wakes *wakes) {
  if (s->now.is_broken || s->now.phase == BARRIER_EMPTIES) synchronizer_move_all(s, WAITER_BROKEN, wakes);
  if (s->now.phase == BARRIER_OPENS) synchronizer_move_all(s, WAITER_GRANTED, wakes);
  if (s->now.phase == BARRIER_EMPTIES || s->now.phase == BARRIER_OPENS) {
    synchronizer_begin_change(s, 0);
    if (s->now.phase == BARRIER_EMPTIES) s->now.is_broken = 0;
    s->now.phase = BARRIER_FILLS;
    synchronizer_end_change(s);
  }
}

static void forget(struct synchronizer *s, uint32_t slot) {
  break_locked(s);
  KILL_POINT("barrier.broken");
  (void)synchronizer_forget_waiters(s, slot);
  call_in(s);
}

/* One that ends well may leave the meeting of the others to them. */
static void end_of_party(struct synchronizer *s, struct execution_context who, uint64_t count,
                         bool has_died) {
  (void)who;
  (void)count;
  if (has_died) barrier_break(s);
}

const struct synchronizer_rules barrier_rules = {settle, forget, end_of_party, NULL};

/* ---- a round --------------------------------------------------------------------------------- */

bool barrier_is_last(const struct synchronizer *s, const struct barrier_arrival *a) {
  return a->index == s->initial;
}

/* STATUS_FULL: the last one of the round before acts. */
static status try_arrive(struct synchronizer *s, struct execution_context who, struct barrier_arrival *a) {
  if (s->now.is_broken) return STATUS_BROKEN;
  if (s->now.phase == BARRIER_ACTS) return STATUS_FULL;
  const uint64_t index = synchronizer_count(s, WAITER_WAITING) + 1;
  if (index < s->initial) {
    if (!synchronizer_enter(s, who.slot, &a->wait)) return STATUS_FULL;
  } else {
    synchronizer_begin_change(s, 0);
    s->now.phase = BARRIER_ACTS;
    s->now.slot = who.slot;
    synchronizer_end_change(s);
  }
  a->index = index;
  return STATUS_OK;
}

status barrier_arrive(struct synchronizer *s, struct execution_context who, struct barrier_arrival *a,
                      deadline until) {
  for (;;) {
    synchronizer_lock(s);
    const uint32_t seen = atomic_load(&s->room);
    const status st = try_arrive(s, who, a);
    synchronizer_unlock(s);
    if (st != STATUS_FULL) return st;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    const status slept = synchronizer_sleep(s, &s->room, seen, until);
    if (slept) return slept;
  }
}

status barrier_sleep(struct synchronizer *s, struct barrier_arrival *a, deadline until) {
  for (;;) {
    const enum waiter_state state = synchronizer_waiter_state(&a->wait);
    if (state != WAITER_WAITING) {
      synchronizer_lock(s);
      synchronizer_leave(s, &a->wait);
      synchronizer_unlock(s);
      return state == WAITER_GRANTED ? STATUS_OK : STATUS_BROKEN;
    }
    const status st = synchronizer_sleep(s, &a->wait.waiter->state, WAITER_WAITING, until);
    if (st) return st;
  }
}

status barrier_leave(struct synchronizer *s, struct barrier_arrival *a) {
  synchronizer_lock(s);
  const bool has_opened = synchronizer_waiter_state(&a->wait) == WAITER_GRANTED;
  if (synchronizer_waiter_state(&a->wait) == WAITER_WAITING) break_locked(s);
  synchronizer_leave(s, &a->wait);
  synchronizer_settle_and_unlock(s);
  return has_opened ? STATUS_OK : STATUS_BROKEN;
}

status barrier_open(struct synchronizer *s) {
  synchronizer_lock(s);
  const bool is_open = s->now.phase == BARRIER_ACTS && !s->now.is_broken;
  if (is_open) set_phase(s, BARRIER_OPENS);
  call_in(s);
  synchronizer_settle_and_unlock(s);
  return is_open ? STATUS_OK : STATUS_BROKEN;
}

void barrier_break(struct synchronizer *s) {
  synchronizer_lock(s);
  break_locked(s);
  call_in(s);
  synchronizer_settle_and_unlock(s);
}

void barrier_reset(struct synchronizer *s) {
  synchronizer_lock(s);
  set_phase(s, BARRIER_EMPTIES);
  call_in(s);
  synchronizer_settle_and_unlock(s);
}

/* ---- looking --------------------------------------------------------------------------------- */

bool barrier_is_broken(struct synchronizer *s) {
  synchronizer_lock(s);
  const bool is_broken = s->now.is_broken != 0;
  synchronizer_unlock(s);
  return is_broken;
}

uint32_t barrier_waiting(struct synchronizer *s) {
  synchronizer_lock(s);
  const uint32_t waiting = synchronizer_count(s, WAITER_WAITING);
  synchronizer_unlock(s);
  return waiting;
}
