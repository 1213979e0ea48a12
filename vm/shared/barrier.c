/* SPDX-License-Identifier: MIT */
#include "shared/barrier.h"

#include <limits.h>

#include "os/clock.h"
#include "shared/kill_point.h"

static void set_phase(struct sync *s, enum barrier_phase phase) {
  sync_begin_change(s, 0);
  s->now.phase = phase;
  sync_end_change(s);
}

static void break_locked(struct sync *s) {
  sync_begin_change(s, 0);
  s->now.is_broken = 1;
  s->now.phase = BARRIER_FILLS;
  sync_end_change(s);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* A party that arrives while the last one acts waits for the next round without a place. */
static void call_in(struct sync *s) {
  atomic_fetch_add(&s->room, 1);
  futex_wake(&s->room, INT_MAX);
}

static void settle(struct sync *s, struct sync_wakes *wakes) {
  if (s->now.is_broken || s->now.phase == BARRIER_EMPTIES) sync_move_all(s, PLACE_BROKEN, wakes);
  if (s->now.phase == BARRIER_OPENS) sync_move_all(s, PLACE_GRANTED, wakes);
  if (s->now.phase == BARRIER_EMPTIES || s->now.phase == BARRIER_OPENS) {
    sync_begin_change(s, 0);
    if (s->now.phase == BARRIER_EMPTIES) s->now.is_broken = 0;
    s->now.phase = BARRIER_FILLS;
    sync_end_change(s);
  }
}

static void forget(struct sync *s, uint32_t slot) {
  break_locked(s);
  KILL_POINT("barrier.broken");
  (void)sync_forget_places(s, slot);
  call_in(s);
}

/* One that ends well may leave the meeting of the others to them. */
static void end_of_party(struct sync *s, struct sync_agent who, uint64_t count, bool has_died) {
  (void)who;
  (void)count;
  if (has_died) barrier_break(s);
}

const struct sync_rules barrier_rules = {settle, forget, end_of_party, NULL};

/* ---- a round --------------------------------------------------------------------------------- */

bool barrier_is_last(const struct sync *s, const struct barrier_arrival *a) { return a->index == s->initial; }

/* STATUS_FULL: the last one of the round before acts. */
static status try_arrive(struct sync *s, struct sync_agent who, struct barrier_arrival *a) {
  if (s->now.is_broken) return STATUS_BROKEN;
  if (s->now.phase == BARRIER_ACTS) return STATUS_FULL;
  const uint64_t index = sync_count(s, PLACE_WAITING) + 1;
  if (index < s->initial) {
    if (!sync_enter(s, who.slot, &a->wait)) return STATUS_FULL;
  } else {
    sync_begin_change(s, 0);
    s->now.phase = BARRIER_ACTS;
    s->now.slot = who.slot;
    sync_end_change(s);
  }
  a->index = index;
  return STATUS_OK;
}

status barrier_arrive(struct sync *s, struct sync_agent who, struct barrier_arrival *a, deadline until) {
  for (;;) {
    sync_lock(s);
    const uint32_t seen = atomic_load(&s->room);
    const status st = try_arrive(s, who, a);
    sync_unlock(s);
    if (st != STATUS_FULL) return st;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    const status slept = sync_sleep(s, &s->room, seen, until);
    if (slept) return slept;
  }
}

status barrier_sleep(struct sync *s, struct barrier_arrival *a, deadline until) {
  for (;;) {
    const enum place_state state = sync_place_state(&a->wait);
    if (state != PLACE_WAITING) {
      sync_lock(s);
      sync_leave(s, &a->wait);
      sync_unlock(s);
      return state == PLACE_GRANTED ? STATUS_OK : STATUS_BROKEN;
    }
    const status st = sync_sleep(s, &a->wait.place->state, PLACE_WAITING, until);
    if (st) return st;
  }
}

status barrier_leave(struct sync *s, struct barrier_arrival *a) {
  sync_lock(s);
  const bool has_opened = sync_place_state(&a->wait) == PLACE_GRANTED;
  if (sync_place_state(&a->wait) == PLACE_WAITING) break_locked(s);
  sync_leave(s, &a->wait);
  sync_settle_and_unlock(s);
  return has_opened ? STATUS_OK : STATUS_BROKEN;
}

status barrier_open(struct sync *s) {
  sync_lock(s);
  const bool is_open = s->now.phase == BARRIER_ACTS && !s->now.is_broken;
  if (is_open) set_phase(s, BARRIER_OPENS);
  call_in(s);
  sync_settle_and_unlock(s);
  return is_open ? STATUS_OK : STATUS_BROKEN;
}

void barrier_break(struct sync *s) {
  sync_lock(s);
  break_locked(s);
  call_in(s);
  sync_settle_and_unlock(s);
}

void barrier_reset(struct sync *s) {
  sync_lock(s);
  set_phase(s, BARRIER_EMPTIES);
  call_in(s);
  sync_settle_and_unlock(s);
}

/* ---- looking --------------------------------------------------------------------------------- */

bool barrier_is_broken(struct sync *s) {
  sync_lock(s);
  const bool is_broken = s->now.is_broken != 0;
  sync_unlock(s);
  return is_broken;
}

uint32_t barrier_waiting(struct sync *s) {
  sync_lock(s);
  const uint32_t waiting = sync_count(s, PLACE_WAITING);
  sync_unlock(s);
  return waiting;
}
