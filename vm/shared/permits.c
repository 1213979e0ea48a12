/* SPDX-License-Identifier: MIT */
#include "shared/permits.h"

#include "base/check.h"
#include "os/clock.h"
#include "shared/kill_point.h"

enum { PATIENCE_NS = 1000 * 1000, SPIN_ROUNDS = 60 };

static bool is_recursive(const struct synchronizer *s) { return synchronizer_holding(s) == HOLD_RECURSIVE; }

static bool is_lock(const struct synchronizer *s) {
  return synchronizer_holding(s) == HOLD_ONE || is_recursive(s);
}

static bool is_holder(const struct synchronizer *s, struct execution_context who) {
  return s->now.depth > 0 && s->now.slot == who.slot && s->now.thread == who.thread;
}

/* ---- by the lock word alone ------------------------------------------------------------------ */

static bool is_in_word(uint64_t word, struct execution_context who) {
  return lock_word_is_held(word) && execution_context_is(lock_word_holder(word), who);
}

static bool take_by_word(struct synchronizer *s, struct execution_context who) {
  uint64_t seen = atomic_load_explicit(&s->word, memory_order_relaxed);
  uint64_t next = 0;
  if (seen == LOCK_WORD_FREE) {
    next = lock_word_of(who);
    if (next == LOCK_WORD_FREE) return false;
  } else {
    if (!is_in_word(seen, who) || !is_recursive(s) || lock_word_depth(seen) == LOCK_WORD_DEPTH_MOST)
      return false;
    next = seen + LOCK_WORD_ONCE;
  }
  if (!atomic_compare_exchange_strong(&s->word, &seen, next)) return false;
  KILL_POINT("permits.taken");
  return true;
}

static bool return_by_word(struct synchronizer *s, struct execution_context who) {
  uint64_t seen = atomic_load_explicit(&s->word, memory_order_relaxed);
  if (!lock_word_is_held(seen) || (is_recursive(s) && !is_in_word(seen, who))) return false;
  const uint64_t next = lock_word_depth(seen) > 1 ? seen - LOCK_WORD_ONCE : LOCK_WORD_FREE;
  if (!atomic_compare_exchange_strong(&s->word, &seen, next)) return false;
  KILL_POINT("permits.returned");
  synchronizer_wake_watchers(s);
  return true;
}

/* The word says that another caller holds it. A word without the gate has no line of waiters. */
static bool is_held_by_word(const struct synchronizer *s, struct execution_context who) {
  const uint64_t word = atomic_load(&s->word);
  return lock_word_is_held(word) && !(is_recursive(s) && is_in_word(word, who));
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void change_taken(struct synchronizer *s, uint32_t slot, int64_t by) {
  if (is_lock(s)) return;
  _Atomic uint32_t *taken = synchronizer_taken(s, slot);
  const int64_t count = (int64_t)atomic_load_explicit(taken, memory_order_relaxed) + by;
  atomic_store_explicit(taken, count < 0 ? 0 : (uint32_t)count, memory_order_relaxed);
}

static void set_holder(struct synchronizer *s, struct execution_context who, uint32_t depth) {
  s->now.slot = who.slot;
  s->now.thread = who.thread;
  s->now.depth = depth;
}

static bool consume(struct synchronizer *s, struct execution_context who) {
  const bool was_abandoned = s->now.abandoned > 0;
  synchronizer_begin_change(s, who.slot);
  s->now.permits--;
  if (was_abandoned) s->now.abandoned--;
  if (is_lock(s)) set_holder(s, who, 1);
  change_taken(s, who.slot, 1);
  synchronizer_end_change(s);
  atomic_store_explicit(&s->is_available, s->now.permits > 0, memory_order_relaxed);
  return was_abandoned;
}

/* Those that were granted and not collected are spoken for. */
static bool may_consume(const struct synchronizer *s, const struct synchronizer_wait *w) {
  if (s->now.permits == 0) return false;
  if (w->waiter && synchronizer_waiter_state(w) == WAITER_GRANTED) return true;
  return s->now.permits > synchronizer_count(s, WAITER_GRANTED);
}

static bool try_take(struct synchronizer *s, struct execution_context who, struct synchronizer_wait *w,
                     bool *was_abandoned) {
  *was_abandoned = false;
  if (is_recursive(s) && is_holder(s, who)) {
    synchronizer_begin_change(s, who.slot);
    s->now.depth++;
    synchronizer_end_change(s);
    return true;
  }
  if (!may_consume(s, w)) return false;
  *was_abandoned = consume(s, who);
  synchronizer_leave(s, w);
  return true;
}

/* Until it may be free. */
static void spin(const struct synchronizer *s) {
  for (int i = 0; i < SPIN_ROUNDS; i++) {
    const uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
    if (word == LOCK_WORD_FREE) return;
    if (!lock_word_is_open(word) && atomic_load_explicit(&s->is_available, memory_order_relaxed)) return;
    cpu_relax();
  }
}

status permits_take(struct synchronizer *s, struct execution_context who, struct synchronizer_wait *w,
                    deadline until, bool *was_abandoned) {
  *was_abandoned = false;
  if (!w->waiter && take_by_word(s, who)) return STATUS_OK;
  const bool waits = !deadline_passed(until);
  if (!waits && is_held_by_word(s, who)) return STATUS_TIMEOUT;
  if (waits && !w->waiter) {
    spin(s);
    if (take_by_word(s, who)) return STATUS_OK;
  }
  for (;;) {
    synchronizer_lock(s);
    if (try_take(s, who, w, was_abandoned)) {
      synchronizer_unlock(s);
      return STATUS_OK;
    }
    if (!waits) {
      synchronizer_unlock(s);
      return STATUS_TIMEOUT;
    }
    uint32_t seen = 0;
    futex_word *word = synchronizer_get_in_line(s, who.slot, w, &seen);
    synchronizer_unlock(s);
    const status st = synchronizer_sleep(s, word, seen, until);
    if (st) return st;
  }
}

void permits_give_up(struct synchronizer *s, struct synchronizer_wait *w) {
  if (!w->waiter) return;
  synchronizer_lock(s);
  synchronizer_leave(s, w);
  synchronizer_settle_and_unlock(s);
}

/* ---- returning ------------------------------------------------------------------------------- */

static status judge_return(const struct synchronizer *s, struct execution_context who, uint64_t count) {
  if (is_lock(s) && s->now.depth == 0) return STATUS_EMPTY;
  if (is_recursive(s) && !is_holder(s, who)) return STATUS_FOREIGN;
  if (synchronizer_holding(s) == HOLD_BOUNDED && s->now.permits + count > s->bound) return STATUS_TOO_LARGE;
  return s->now.permits + count < s->now.permits ? STATUS_TOO_LARGE : STATUS_OK;
}

static void give(struct synchronizer *s, uint32_t slot, uint64_t count, uint64_t abandoned) {
  synchronizer_begin_change(s, slot);
  s->now.permits += count;
  s->now.abandoned += abandoned;
  if (is_lock(s)) set_holder(s, (struct execution_context){0, 0}, 0);
  change_taken(s, slot, -(int64_t)count);
  synchronizer_end_change(s);
}

status permits_return(struct synchronizer *s, struct execution_context who, uint64_t count) {
  if (return_by_word(s, who)) return STATUS_OK;
  synchronizer_lock(s);
  const status st = judge_return(s, who, count);
  if (st == STATUS_OK && s->now.depth > 1) {
    synchronizer_begin_change(s, who.slot);
    s->now.depth--;
    synchronizer_end_change(s);
  } else if (st == STATUS_OK) {
    give(s, who.slot, count, 0);
  }
  synchronizer_settle_and_unlock(s);
  return st;
}

static uint64_t missing(const struct synchronizer *s) {
  return s->now.permits < s->initial ? s->initial - s->now.permits : 0;
}

static uint64_t lesser(uint64_t a, uint64_t b) { return a < b ? a : b; }

void permits_abandon(struct synchronizer *s, struct execution_context who, uint64_t count) {
  synchronizer_lock(s);
  if (is_lock(s) && !is_holder(s, who)) count = 0;
  count = lesser(count, missing(s));
  if (count) give(s, who.slot, count, count);
  synchronizer_settle_and_unlock(s);
}

void permits_keep(struct synchronizer *s, struct execution_context who, uint64_t count) {
  synchronizer_lock(s);
  synchronizer_begin_change(s, who.slot);
  change_taken(s, who.slot, -(int64_t)count);
  synchronizer_end_change(s);
  synchronizer_unlock(s);
}

uint32_t permits_return_all(struct synchronizer *s, struct execution_context who) {
  synchronizer_lock(s);
  const uint32_t depth = is_holder(s, who) || !is_recursive(s) ? s->now.depth : 0;
  if (depth) give(s, who.slot, 1, 0);
  synchronizer_settle_and_unlock(s);
  return depth;
}

void permits_set_depth(struct synchronizer *s, uint32_t depth) {
  synchronizer_lock(s);
  synchronizer_begin_change(s, s->now.slot);
  s->now.depth = depth;
  synchronizer_end_change(s);
  synchronizer_unlock(s);
}

/* ---- looking --------------------------------------------------------------------------------- */

bool permits_is_held_by(struct synchronizer *s, struct execution_context who) {
  struct execution_context holder;
  return permits_holder(s, &holder) && execution_context_is(holder, who);
}

uint64_t permits_free(struct synchronizer *s) {
  const uint64_t word = atomic_load(&s->word);
  if (lock_word_is_open(word)) return word == LOCK_WORD_FREE;
  synchronizer_lock(s);
  const uint64_t permits = s->now.permits;
  synchronizer_unlock(s);
  return permits;
}

bool permits_holder(struct synchronizer *s, struct execution_context *out) {
  const uint64_t word = atomic_load(&s->word);
  if (lock_word_is_open(word)) {
    *out = lock_word_holder(word);
    return word != LOCK_WORD_FREE;
  }
  synchronizer_lock(s);
  const bool is_held = s->now.depth > 0;
  *out = (struct execution_context){s->now.slot, s->now.thread};
  synchronizer_unlock(s);
  return is_held;
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* One free permit for each of the first waiters, as far as they go. */
static void settle(struct synchronizer *s, struct synchronizer_wakes *wakes) {
  const uint64_t granted = synchronizer_count(s, WAITER_GRANTED);
  uint64_t left = s->now.permits > granted ? s->now.permits - granted : 0;
  for (struct waiter *p = left ? synchronizer_next(s, 0) : NULL; left && p;
       p = synchronizer_next(s, p->ticket)) {
    left--;
    if (clock_now_ns() - p->since_ns > PATIENCE_NS)
      synchronizer_move(p, WAITER_GRANTED, wakes);
    else if (atomic_load(&p->state) == WAITER_WAITING)
      synchronizer_move(p, WAITER_WOKEN, wakes);
  }
}

static void forget(struct synchronizer *s, uint32_t slot) {
  (void)synchronizer_forget_waiters(s, slot);
  if (is_lock(s)) {
    if (s->now.depth > 0 && s->now.slot == slot) give(s, slot, 1, 1);
    return;
  }
  const uint64_t taken = lesser(atomic_load(synchronizer_taken(s, slot)), missing(s));
  if (taken) give(s, slot, taken, taken);
  atomic_store(synchronizer_taken(s, slot), 0);
}

/* A semaphore may be taken by one and returned by another: on a clean exit of the taker, the
 * permit stays taken. */
static void end_of_taker(struct synchronizer *s, struct execution_context who, uint64_t count,
                         bool has_died) {
  if (synchronizer_holding(s) == HOLD_PERMITS && !has_died)
    permits_keep(s, who, count);
  else
    permits_abandon(s, who, count);
}

static void validate(struct synchronizer *s) {
  if (s->bound) CHECK(s->now.permits <= s->bound);
  if (is_lock(s) && !lock_word_is_open(atomic_load(&s->word)))
    CHECK_EQ(s->now.depth > 0, s->now.permits == 0);
}

const struct synchronizer_rules permits_rules = {settle, forget, end_of_taker, validate};
