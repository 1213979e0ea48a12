/* SPDX-License-Identifier: MIT */
#include "shared/synchronizer.h"

#include <limits.h>
#include <string.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/kill_point.h"
#include "shared/sweep.h"

enum { LOOK_AGAIN_NS = 100 * 1000 * 1000 };

/* ---- kinds ----------------------------------------------------------------------------------- */

#define WAITERS_FOR_ALL UINT32_MAX

const struct lock_kind_row lock_kinds[LOCK_KINDS] = {
    [LOCK_KIND_NONE] = {.name = "?"},
#define KIND(id, number, name, rules, waiters, holds, ...) \
  [LOCK_KIND_##id] = {name, &rules##_rules, waiters, holds},
#include "shared/lock_kinds.def"
};

static const struct synchronizer_rules *rules_of(const struct synchronizer *s) {
  return synchronizer_kind(s)->rules;
}

static bool counts_by_process(enum synchronizer_holding holds) {
  switch (holds) {
    case HOLD_PERMITS:
    case HOLD_BOUNDED:
    case HOLD_SHARED: return true;
    default: return false;
  }
}

/* Whether its holder may be in its word (shared/lock_word.h). */
static bool has_word(const struct synchronizer *s) {
  const enum synchronizer_holding holds = synchronizer_holding(s);
  return holds == HOLD_ONE || holds == HOLD_RECURSIVE;
}

static uint64_t bound_of(enum lock_kind kind, uint64_t initial) {
  switch (lock_kinds[kind].holds) {
    case HOLD_ONE:
    case HOLD_RECURSIVE: return 1;
    case HOLD_BOUNDED: return initial;
    default: return 0;
  }
}

/* ---- making ---------------------------------------------------------------------------------- */

static uint32_t waiters_of(enum lock_kind kind, uint64_t initial) {
  const uint32_t waiters = lock_kinds[kind].waiters;
  return waiters == WAITERS_FOR_ALL ? (uint32_t)initial : waiters;
}

static size_t size_of(enum lock_kind kind, uint32_t waiters) {
  const size_t counts = counts_by_process(lock_kinds[kind].holds) ? PROCESS_TABLE_MAX * sizeof(uint32_t) : 0;
  return sizeof(struct synchronizer) + waiters * sizeof(struct waiter) + counts;
}

const struct waiter *synchronizer_waiters_end(const struct synchronizer *s) {
  const uint64_t count = *(const volatile uint32_t *)&s->waiter_count;
  CHECK(arena_contains(segment_arena(), segment_ref(s->waiters), count * sizeof(struct waiter)));
  return s->waiters + count;
}

_Atomic uint32_t *synchronizer_taken(struct synchronizer *s, uint32_t slot) {
  CHECK(slot < PROCESS_TABLE_MAX);
  const size_t waiters = (size_t)(synchronizer_waiters_end(s) - s->waiters);
  return (_Atomic uint32_t *)(void *)(s->waiters + waiters) + slot;
}

status synchronizer_make(enum lock_kind kind, uint64_t initial, struct synchronizer **out) {
  const uint32_t waiters = waiters_of(kind, initial);
  const size_t size = size_of(kind, waiters);
  struct object *object = NULL;
  const status st = segment_make_object(OBJECT_SYNCHRONIZER, size, &object);
  if (st) return st;
  memset(object + 1, 0, size - sizeof *object);
  struct synchronizer *s = (struct synchronizer *)(void *)object;
  robust_mutex_init(&s->lock);
  s->kind = kind;
  s->waiter_count = waiters;
  s->initial = initial;
  s->bound = bound_of(kind, initial);
  s->now.permits = initial;
  atomic_store(&s->is_available, initial > 0);
  atomic_store(&s->word, has_word(s) ? LOCK_WORD_FREE : LOCK_WORD_IN_NOW);
  segment_publish(object);
  *out = s;
  return STATUS_OK;
}

/* ---- changes and their repair ---------------------------------------------------------------- */

void synchronizer_begin_change(struct synchronizer *s, uint32_t slot) {
  s->before = s->now;
  if (counts_by_process(synchronizer_holding(s))) {
    s->journal_slot = slot;
    s->journal_taken = atomic_load_explicit(synchronizer_taken(s, slot), memory_order_relaxed);
  }
  STORE_ORDER();
  KILL_POINT("synchronizer.journaled");
  atomic_store_explicit(&s->is_changing, 1, memory_order_release);
  STORE_ORDER();
}

void synchronizer_end_change(struct synchronizer *s) {
  STORE_ORDER();
  KILL_POINT("synchronizer.changed");
  atomic_store_explicit(&s->is_changing, 0, memory_order_release);
  STORE_ORDER();
  KILL_POINT("synchronizer.committed");
}

static void undo_change(struct synchronizer *s) {
  if (!atomic_load(&s->is_changing)) return;
  s->now = s->before;
  if (counts_by_process(synchronizer_holding(s)))
    atomic_store(synchronizer_taken(s, s->journal_slot), s->journal_taken);
  STORE_ORDER();
  atomic_store(&s->is_changing, 0);
}

/* What is due in each kind, and the words that follow from the rest. */
static void settle(struct synchronizer *s, struct synchronizer_wakes *wakes) {
  rules_of(s)->settle(s, wakes);
  atomic_store_explicit(&s->is_available, s->now.permits > 0, memory_order_relaxed);
}

static void recount_waiters(struct synchronizer *s) {
  uint32_t occupied = 0;
  const struct waiter *end = synchronizer_waiters_end(s);
  for (const struct waiter *p = s->waiters; p < end; p++) occupied += atomic_load(&p->state) != WAITER_FREE;
  atomic_store(&s->occupied, occupied);
}

static void wake_now(const struct synchronizer_wakes *wakes) {
  for (size_t i = 0; i < wakes->count; i++) futex_wake(wakes->words[i], 1);
}

/* Moves the holder from the word to `now`. */
static void gate(struct synchronizer *s) {
  if (atomic_load_explicit(&s->word, memory_order_relaxed) & LOCK_WORD_MOVED) return;
  const uint64_t word = atomic_fetch_or(&s->word, LOCK_WORD_GATE) & ~LOCK_WORD_GATE;
  KILL_POINT("synchronizer.gated");
  synchronizer_read_word(word, &s->now);
  atomic_store_explicit(&s->is_available, s->now.permits > 0, memory_order_relaxed);
  STORE_ORDER();
  KILL_POINT("synchronizer.moved_in");
  atomic_store_explicit(&s->word, LOCK_WORD_IN_NOW, memory_order_release);
}

/* What the word says if `now` is moved there; LOCK_WORD_IN_NOW: it has to stay. */
static uint64_t word_for(const struct synchronizer_state *now) {
  if (now->depth == 0) return now->permits == 1 ? LOCK_WORD_FREE : LOCK_WORD_IN_NOW;
  const uint64_t once = lock_word_of((struct execution_context){now->slot, now->thread});
  if (once == LOCK_WORD_FREE || now->depth > LOCK_WORD_DEPTH_MOST) return LOCK_WORD_IN_NOW;
  return once + (now->depth - 1) * LOCK_WORD_ONCE;
}

/* Moves it back, if nobody waits. */
static void open_gate(struct synchronizer *s) {
  if (!has_word(s) || s->now.abandoned) return;
  if (atomic_load_explicit(&s->occupied, memory_order_relaxed)) return;
  KILL_POINT("synchronizer.opening");
  atomic_store_explicit(&s->word, word_for(&s->now), memory_order_release);
  KILL_POINT("synchronizer.opened");
}

static void repair(struct synchronizer *s) {
  struct synchronizer_wakes wakes = {.count = 0};
  undo_change(s);
  gate(s);
  recount_waiters(s);
  settle(s, &wakes);
  wake_now(&wakes);
}

void synchronizer_lock(struct synchronizer *s) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&s->lock) == ROBUST_ABANDONED) repair(s);
  gate(s);
}

void synchronizer_unlock(struct synchronizer *s) NO_THREAD_SAFETY_ANALYSIS {
  open_gate(s);
  robust_mutex_unlock(&s->lock);
}

void synchronizer_settle_and_unlock(struct synchronizer *s) NO_THREAD_SAFETY_ANALYSIS {
  struct synchronizer_wakes wakes;
  wakes.count = 0;
  settle(s, &wakes);
  KILL_POINT("synchronizer.settled");
  open_gate(s);
  robust_mutex_unlock(&s->lock);
  KILL_POINT("synchronizer.unlocked");
  wake_now(&wakes);
  synchronizer_wake_watchers(s);
}

void synchronizer_wake_watchers(struct synchronizer *s) {
  if (!atomic_load(&s->watchers)) return;
  KILL_POINT("synchronizer.ringing");
  wakers_wake(segment_wakers(), atomic_exchange(&s->watchers, 0));
}

void synchronizer_register_wakers(struct synchronizer *s, waker_set wakers) {
  atomic_fetch_or(&s->watchers, wakers);
}

/* ---- waiters --------------------------------------------------------------------------------- */

_Static_assert(PROCESS_TABLE_MAX <= UINT16_MAX, "a waiter has 16 bits for its process");

bool synchronizer_enter(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w) {
  struct waiter *p = s->waiters;
  const struct waiter *end = synchronizer_waiters_end(s);
  while (p < end && atomic_load_explicit(&p->state, memory_order_relaxed) != WAITER_FREE) p++;
  if (p == end) {
    atomic_store(&s->is_crowded, 1);
    return false;
  }
  p->slot = (uint16_t)slot;
  p->purpose = w->purpose;
  p->ticket = ++s->tickets;
  p->since_ns = clock_now_ns();
  STORE_ORDER();
  KILL_POINT("synchronizer.entering");
  atomic_store(&p->state, WAITER_WAITING);
  atomic_fetch_add(&s->occupied, 1);
  KILL_POINT("synchronizer.entered");
  w->waiter = p;
  w->ticket = p->ticket;
  return true;
}

futex_word *synchronizer_get_in_line(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w,
                                     uint32_t *seen) {
  if (!w->waiter && !synchronizer_enter(s, slot, w)) {
    *seen = atomic_load(&s->room);
    return &s->room;
  }
  if (synchronizer_waiter_state(w) == WAITER_WOKEN) atomic_store(&w->waiter->state, WAITER_WAITING);
  *seen = WAITER_WAITING;
  return &w->waiter->state;
}

enum waiter_state synchronizer_waiter_state(const struct synchronizer_wait *w) {
  return (enum waiter_state)atomic_load(&w->waiter->state);
}

static void free_waiter(struct synchronizer *s, struct waiter *p) {
  atomic_store(&p->state, WAITER_FREE);
  KILL_POINT("synchronizer.left");
  atomic_fetch_sub(&s->occupied, 1);
  if (!atomic_exchange(&s->is_crowded, 0)) return;
  atomic_fetch_add(&s->room, 1);
  futex_wake(&s->room, INT_MAX);
}

void synchronizer_leave(struct synchronizer *s, struct synchronizer_wait *w) {
  if (w->waiter) free_waiter(s, w->waiter);
  w->waiter = NULL;
}

struct waiter *synchronizer_next(struct synchronizer *s, uint64_t ticket) {
  struct waiter *first = NULL;
  if (atomic_load_explicit(&s->occupied, memory_order_relaxed) == 0) return NULL;
  const struct waiter *end = synchronizer_waiters_end(s);
  for (struct waiter *p = s->waiters; p < end; p++) {
    const uint32_t state = atomic_load_explicit(&p->state, memory_order_relaxed);
    if (state != WAITER_WAITING && state != WAITER_WOKEN) continue;
    if (p->ticket > ticket && (!first || p->ticket < first->ticket)) first = p;
  }
  return first;
}

void synchronizer_move(struct waiter *p, enum waiter_state state, struct synchronizer_wakes *wakes) {
  atomic_store(&p->state, state);
  KILL_POINT("synchronizer.moved");
  if (wakes->count == SYNCHRONIZER_WAKES) {
    wake_now(wakes);
    wakes->count = 0;
  }
  wakes->words[wakes->count++] = &p->state;
}

void synchronizer_move_all(struct synchronizer *s, enum waiter_state state,
                           struct synchronizer_wakes *wakes) {
  const struct waiter *end = synchronizer_waiters_end(s);
  for (struct waiter *p = s->waiters; p < end; p++)
    if (atomic_load(&p->state) == WAITER_WAITING) synchronizer_move(p, state, wakes);
}

uint32_t synchronizer_count(const struct synchronizer *s, enum waiter_state state) {
  if (atomic_load_explicit(&s->occupied, memory_order_relaxed) == 0) return 0;
  uint32_t count = 0;
  const struct waiter *end = synchronizer_waiters_end(s);
  for (const struct waiter *p = s->waiters; p < end; p++)
    count += atomic_load_explicit(&p->state, memory_order_relaxed) == state;
  return count;
}

uint32_t synchronizer_forget_waiters(struct synchronizer *s, uint32_t slot) {
  uint32_t granted = 0;
  const struct waiter *end = synchronizer_waiters_end(s);
  for (struct waiter *p = s->waiters; p < end; p++) {
    const uint32_t state = atomic_load(&p->state);
    if (state == WAITER_FREE || p->slot != slot) continue;
    granted += state == WAITER_GRANTED;
    free_waiter(s, p);
  }
  return granted;
}

/* ---- sleeping -------------------------------------------------------------------------------- */

status synchronizer_sleep(struct synchronizer *s, futex_word *word, uint32_t seen, deadline until) {
  const deadline soon = {clock_now_ns() + LOOK_AGAIN_NS};
  const status st = futex_wait(word, seen, deadline_earlier(until, soon));
  if (st != STATUS_TIMEOUT) return st;
  segment_sweep();
  synchronizer_lock(s);
  synchronizer_settle_and_unlock(s);
  return deadline_passed(until) ? STATUS_TIMEOUT : STATUS_OK;
}

/* ---- beside another object ------------------------------------------------------------------- */

enum { ANCHOR_OF_OTHER = 1 };

static status make_beside(_Atomic object_ref *name, object_ref before) {
  struct synchronizer *made = NULL;
  const status st = synchronizer_make(LOCK_KIND_RLOCK, 1, &made);
  if (st) return st;
  const bool is_ours = atomic_compare_exchange_strong(name, &before, segment_object_ref(&made->object));
  KILL_POINT("synchronizer.named");
  if (is_ours) segment_anchor(&made->object, ANCHOR_OF_OTHER);
  KILL_POINT("synchronizer.anchored");
  segment_release(&made->object);
  return STATUS_OK;
}

/* Holds it if it is there; then it is surely anchored. */
static bool claim_beside(object_ref ref, struct synchronizer **out) {
  struct object *o = NULL;
  if (!ref || segment_find(ref, OBJECT_SYNCHRONIZER, &o) || segment_hold(o)) return false;
  if (segment_find(ref, OBJECT_SYNCHRONIZER, &o)) {
    segment_release(o);
    return false;
  }
  segment_anchor(o, ANCHOR_OF_OTHER);
  *out = (struct synchronizer *)(void *)o;
  return true;
}

status synchronizer_beside(_Atomic object_ref *name, struct synchronizer **out) {
  for (;;) {
    const object_ref ref = atomic_load(name);
    if (claim_beside(ref, out)) return STATUS_OK;
    const status st = make_beside(name, ref);
    if (st) return st;
  }
}

void synchronizer_leave_beside(_Atomic object_ref *name) {
  struct object *o = NULL;
  const object_ref ref = atomic_load(name);
  if (ref && segment_find(ref, OBJECT_SYNCHRONIZER, &o) == STATUS_OK) segment_unanchor(o, ANCHOR_OF_OTHER);
}

/* ---- the dead -------------------------------------------------------------------------------- */

static void owner_died(struct object *object, uint32_t slot) {
  struct synchronizer *s = (struct synchronizer *)(void *)object;
  if (!rules_of(s)->forget) return;
  synchronizer_lock(s);
  rules_of(s)->forget(s, slot);
  synchronizer_settle_and_unlock(s);
}

void synchronizer_register_kind(void) { segment_set_owner_died(OBJECT_SYNCHRONIZER, owner_died); }

static void validate_word(const struct synchronizer *s, uint32_t occupied) {
  const uint64_t word = atomic_load(&s->word);
  if (word == LOCK_WORD_IN_NOW) return;
  CHECK(has_word(s) && lock_word_is_open(word));
  CHECK(occupied == 0 && s->now.abandoned == 0);
  CHECK(word == LOCK_WORD_FREE || lock_word_holder(word).thread != 0);
}

void synchronizer_validate(struct synchronizer *s) {
  CHECK_EQ(atomic_load(&s->is_changing), 0);
  CHECK(s->kind > LOCK_KIND_NONE && s->kind < LOCK_KINDS);
  const uint32_t occupied = atomic_load(&s->occupied);
  recount_waiters(s);
  CHECK_EQ(atomic_load(&s->occupied), occupied);
  validate_word(s, occupied);
  const struct waiter *end = synchronizer_waiters_end(s);
  for (const struct waiter *p = s->waiters; p < end; p++) {
    CHECK(atomic_load(&p->state) <= WAITER_BROKEN);
    if (atomic_load(&p->state) != WAITER_FREE) CHECK(p->ticket > 0 && p->ticket <= s->tickets);
  }
  if (rules_of(s)->validate) rules_of(s)->validate(s);
}
