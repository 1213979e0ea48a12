/* SPDX-License-Identifier: MIT */
#include "shared/rwlock.h"

#include "base/check.h"
#include "os/clock.h"
#include "shared/kill_point.h"

static bool has_writer(const struct synchronizer *s) { return s->now.depth > 0; }

static bool is_writer(const struct synchronizer *s, struct execution_context who) {
  return has_writer(s) && s->now.slot == who.slot && s->now.thread == who.thread;
}

static uint32_t reads_of(struct synchronizer *s, uint32_t slot) {
  return atomic_load_explicit(synchronizer_taken(s, slot), memory_order_relaxed);
}

/* ---- the line -------------------------------------------------------------------------------- */

/* Those that hold it, and those that were granted it. */
struct present {
  uint64_t readers;
  uint64_t writers;
};

static void count_waiter(struct present *present, const struct waiter *p) {
  if (p->purpose == RWLOCK_WRITE)
    present->writers++;
  else
    present->readers++;
}

static struct present present_of(const struct synchronizer *s) {
  struct present present = {s->now.readers, has_writer(s)};
  if (atomic_load_explicit(&s->occupied, memory_order_relaxed) == 0) return present;
  const struct waiter *end = synchronizer_waiters_end(s);
  for (const struct waiter *p = s->waiters; p < end; p++)
    if (atomic_load_explicit(&p->state, memory_order_relaxed) == WAITER_GRANTED) count_waiter(&present, p);
  return present;
}

static bool fits(const struct present *present, uint16_t purpose) {
  return present->writers == 0 && (purpose == RWLOCK_READ || present->readers == 0);
}

static bool may_take(struct synchronizer *s, const struct synchronizer_wait *w) {
  if (w->waiter) return synchronizer_waiter_state(w) == WAITER_GRANTED;
  if (synchronizer_next(s, 0)) return false;
  const struct present present = present_of(s);
  return fits(&present, w->purpose);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void set_writer(struct synchronizer *s, struct execution_context who, uint32_t depth) {
  s->now.slot = who.slot;
  s->now.thread = who.thread;
  s->now.depth = depth;
}

static void set_reads(struct synchronizer *s, uint32_t slot, uint32_t count) {
  s->now.readers = s->now.readers - reads_of(s, slot) + count;
  atomic_store_explicit(synchronizer_taken(s, slot), count, memory_order_relaxed);
}

/* True: a writer before had died. */
static bool take_locked(struct synchronizer *s, struct execution_context who, uint16_t purpose) {
  const bool was_abandoned = s->now.abandoned > 0;
  synchronizer_begin_change(s, who.slot);
  s->now.abandoned = 0;
  if (purpose == RWLOCK_WRITE)
    set_writer(s, who, 1);
  else
    set_reads(s, who.slot, reads_of(s, who.slot) + 1);
  synchronizer_end_change(s);
  return was_abandoned;
}

static bool try_locked(struct synchronizer *s, struct execution_context who, struct synchronizer_wait *w,
                       bool *was_abandoned) {
  *was_abandoned = false;
  if (!may_take(s, w)) return false;
  *was_abandoned = take_locked(s, who, w->purpose);
  synchronizer_leave(s, w);
  return true;
}

status rwlock_try(struct synchronizer *s, struct execution_context who, struct synchronizer_wait *w,
                  bool *was_abandoned) {
  synchronizer_lock(s);
  const bool is_taken = try_locked(s, who, w, was_abandoned);
  synchronizer_unlock(s);
  return is_taken ? STATUS_OK : STATUS_TIMEOUT;
}

status rwlock_take(struct synchronizer *s, struct execution_context who, struct synchronizer_wait *w,
                   deadline until, bool *was_abandoned) {
  for (;;) {
    uint32_t seen = 0;
    synchronizer_lock(s);
    const bool is_taken = try_locked(s, who, w, was_abandoned);
    futex_word *word = is_taken ? NULL : synchronizer_get_in_line(s, who.slot, w, &seen);
    synchronizer_unlock(s);
    if (is_taken) return STATUS_OK;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    const status st = synchronizer_sleep(s, word, seen, until);
    if (st) return st;
  }
}

void rwlock_give_up(struct synchronizer *s, struct synchronizer_wait *w) {
  if (!w->waiter) return;
  synchronizer_lock(s);
  synchronizer_leave(s, w);
  synchronizer_settle_and_unlock(s);
}

/* ---- returning ------------------------------------------------------------------------------- */

static void give_write(struct synchronizer *s, uint32_t slot, uint64_t abandoned) {
  synchronizer_begin_change(s, slot);
  set_writer(s, (struct execution_context){0, 0}, 0);
  s->now.abandoned |= abandoned;
  synchronizer_end_change(s);
}

static void give_reads(struct synchronizer *s, uint32_t slot, uint64_t count) {
  const uint32_t reads = reads_of(s, slot);
  synchronizer_begin_change(s, slot);
  set_reads(s, slot, count < reads ? reads - (uint32_t)count : 0);
  synchronizer_end_change(s);
}

static status return_locked(struct synchronizer *s, struct execution_context who, enum rwlock_use use) {
  if (use == RWLOCK_READ) {
    if (reads_of(s, who.slot) == 0) return STATUS_EMPTY;
    give_reads(s, who.slot, 1);
    return STATUS_OK;
  }
  if (!has_writer(s)) return STATUS_EMPTY;
  if (!is_writer(s, who)) return STATUS_FOREIGN;
  give_write(s, who.slot, 0);
  return STATUS_OK;
}

status rwlock_return(struct synchronizer *s, struct execution_context who, enum rwlock_use use) {
  synchronizer_lock(s);
  const status st = return_locked(s, who, use);
  synchronizer_settle_and_unlock(s);
  return st;
}

/* ---- looking --------------------------------------------------------------------------------- */

void rwlock_look(struct synchronizer *s, struct rwlock_holders *out) {
  synchronizer_lock(s);
  *out = (struct rwlock_holders){s->now.readers, has_writer(s), {s->now.slot, s->now.thread}};
  synchronizer_unlock(s);
}

bool rwlock_is_writer(struct synchronizer *s, struct execution_context who) {
  synchronizer_lock(s);
  const bool is_held = is_writer(s, who);
  synchronizer_unlock(s);
  return is_held;
}

static bool is_dead(uint32_t slot) {
  struct futex_watch watch;
  return !segment_watch_life(slot, &watch);
}

static bool has_dead_reader(struct synchronizer *s) {
  if (s->now.readers == 0) return false;
  const uint32_t count = atomic_load(&segment_process_table()->high_water);
  for (uint32_t slot = 0; slot < count && slot < PROCESS_TABLE_MAX; slot++)
    if (reads_of(s, slot) > 0 && is_dead(slot)) return true;
  return false;
}

static bool has_dead_waiter(const struct synchronizer *s) {
  const struct waiter *end = synchronizer_waiters_end(s);
  for (const struct waiter *p = s->waiters; p < end; p++)
    if (atomic_load(&p->state) != WAITER_FREE && is_dead(p->slot)) return true;
  return false;
}

bool rwlock_has_dead_holder(struct synchronizer *s) {
  synchronizer_lock(s);
  const bool has_dead = (has_writer(s) && is_dead(s->now.slot)) || has_dead_reader(s) || has_dead_waiter(s);
  synchronizer_unlock(s);
  return has_dead;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void settle(struct synchronizer *s, struct synchronizer_wakes *wakes) {
  struct present present = present_of(s);
  for (struct waiter *p = synchronizer_next(s, 0); p && fits(&present, p->purpose);
       p = synchronizer_next(s, p->ticket)) {
    count_waiter(&present, p);
    synchronizer_move(p, WAITER_GRANTED, wakes);
  }
}

static void forget(struct synchronizer *s, uint32_t slot) {
  (void)synchronizer_forget_waiters(s, slot);
  KILL_POINT("rwlock.forgot_waiters");
  if (has_writer(s) && s->now.slot == slot) give_write(s, slot, 1);
  if (reads_of(s, slot) > 0) give_reads(s, slot, UINT64_MAX);
}

static void end_of_holder(struct synchronizer *s, struct execution_context who, uint64_t count,
                          bool has_died) {
  (void)has_died;
  synchronizer_lock(s);
  if (is_writer(s, who))
    give_write(s, who.slot, 1);
  else
    give_reads(s, who.slot, count);
  synchronizer_settle_and_unlock(s);
}

static void validate(struct synchronizer *s) {
  uint64_t reads = 0;
  for (uint32_t slot = 0; slot < PROCESS_TABLE_MAX; slot++) reads += reads_of(s, slot);
  CHECK_EQ(reads, s->now.readers);
  CHECK(s->now.depth <= 1 && s->now.abandoned <= 1);
  const struct present present = present_of(s);
  CHECK(present.writers == 0 || (present.writers == 1 && present.readers == 0));
  const struct waiter *next = synchronizer_next(s, 0);
  CHECK(!next || !fits(&present, next->purpose));
}

const struct synchronizer_rules rwlock_rules = {settle, forget, end_of_holder, validate};
