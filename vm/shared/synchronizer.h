/* SPDX-License-Identifier: MIT */
/* What locks, semaphores, conditions and barriers of a program have in common: an object in the
 * segment with a little state, and a line of waiters. The kinds give them a meaning:
 * shared/permits.h, shared/condition.h, shared/barrier.h.
 *
 * I1  `now` is whole while `is_changing` is 0, else `before` is: a change that its maker did not
 *     live to complete is undone.
 * I2  A waiter is an entry of the line, free or not by its one word `state`; the rest of it is
 *     written while it is free.
 *     It belongs to the process in `slot`, and goes with it.
 * I3  Which waiters may go on follows from the state and the waiters alone: the kind's `settle` does
 *     what is due, and may be done twice. It runs after every change, repair and owner death, so no
 *     waiter stays blocked.
 * I4  While nobody waits for a lock, its word may be the truth (shared/lock_word.h): under the mutex it is
 *     gated, and the truth is in `now`. It is opened when the mutex is left, unless a thread stands in line
 *     or the next holder is to learn that the one before it died.
 * I5  A wake-up that is lost, because the waker died before the system call, is made good by the
 *     sleeper, which looks again after a tenth of a second.
 *
 * Everything here under rank_sync, the object's own robust mutex, but for the lock word and words that are
 * slept on.
 */
#ifndef SHARED_SYNCHRONIZER_H
#define SHARED_SYNCHRONIZER_H

#include "base/check.h"
#include "shared/execution_context.h"
#include "shared/holds.h"
#include "shared/lock_word.h"
#include "sync/lock_rank.h"

enum lock_kind {
  LOCK_KIND_NONE,
#define KIND(id, ...) LOCK_KIND_##id,
#include "shared/lock_kinds.def"
  LOCK_KINDS
};

enum synchronizer_holding {
  HOLD_NOTHING,   /* it is waited for, and not held */
  HOLD_ONE,       /* one permit, whose holder is known */
  HOLD_RECURSIVE, /* the same, and the holder may take it again */
  HOLD_PERMITS,   /* permits that one process takes and another one may return */
  HOLD_BOUNDED,   /* the same, and never more than at first */
  HOLD_SHARED,    /* many readers or one writer */
};

enum waiter_state {
  WAITER_FREE = 0,
  WAITER_WAITING = 1,
  WAITER_WOKEN = 2,   /* woken to retry; has not retried yet */
  WAITER_GRANTED = 3, /* it has what it waited for, and has not collected it yet */
  WAITER_BROKEN = 4,
};

struct waiter {
  futex_word state; /* enum waiter_state */
  uint16_t slot;
  uint16_t purpose; /* 0, or what it means to the kind */
  uint64_t ticket;  /* the earlier waiter has the lower one */
  int64_t since_ns;
};

/* Of a lock while its word is in here (shared/lock_word.h); of the other kinds always. */
struct synchronizer_state {
  uint64_t permits;   /* free ones; of a lock 0 or 1 */
  uint64_t readers;   /* RWLock */
  uint64_t abandoned; /* so many takers will be told that a holder died */
  uint64_t thread;    /* of a lock that is held: the holder */
  uint32_t slot;
  uint32_t depth;     /* RLock: how often it was taken */
  uint32_t phase;     /* enum barrier_phase; `slot` is then who acts */
  uint32_t is_broken; /* Barrier */
};

struct synchronizer {
  struct object object;
  struct robust_mutex lock; /* rank_sync */
  lock_word word;           /* without the gate any thread changes it, and no mutex is held */
  uint32_t kind;            /* enum lock_kind; this and the next three never change */
  uint32_t waiter_count;
  uint64_t initial; /* permits at first; Barrier: parties */
  uint64_t bound;   /* permits at most; 0: none */
  uint64_t tickets; /* so many were given out */
  struct synchronizer_state now;
  struct synchronizer_state before;
  _Atomic uint32_t is_changing;
  uint32_t journal_slot; /* and of the count of this process */
  uint32_t journal_taken;
  _Atomic uint32_t is_available; /* a hint for spinners: permits were free */
  _Atomic uint32_t occupied;     /* waiters that are not free */
  futex_word room;               /* for threads that found no free waiter: moves when one may be free */
  _Atomic uint32_t is_crowded;   /* a thread found no free waiter */
  futex_word sets;               /* Event: how often it was set */
  _Atomic uint32_t is_set;
  _Atomic waker_set watchers; /* wakers of those who wait for it among other things */
  struct waiter waiters[];
  /* Semaphores and RWLock: _Atomic uint32_t taken[PROCESS_TABLE_MAX], permits or shares for reading that
   * each process took and did not return */
};

/* Words to wake when the lock is left. */
enum { SYNCHRONIZER_WAKES = 16 };
struct synchronizer_wakes {
  futex_word *words[SYNCHRONIZER_WAKES];
  size_t count;
};

/* A thread's wait for one object; {0} at first, but for the purpose. */
struct synchronizer_wait {
  struct waiter *waiter;
  uint64_t ticket;
  uint16_t purpose; /* of the waiter */
};

/* Held once by this process. `initial`: permits, or parties. */
MUST_CHECK status synchronizer_make(enum lock_kind kind, uint64_t initial, struct synchronizer **out);
/* Once, before the first is made. */
void synchronizer_register_kind(void);

/* After a holder that died it repairs what the holder began. The word is gated. */
void synchronizer_lock(struct synchronizer *s) ACQUIRES(rank_sync);
/* Settles, unlocks, and wakes the waiters that may go on. */
void synchronizer_settle_and_unlock(struct synchronizer *s) RELEASES(rank_sync);
/* When nothing has changed. */
void synchronizer_unlock(struct synchronizer *s) RELEASES(rank_sync);

/* Rings the wakers that were left with it; a ring that its ringer's death swallows is made good by the
 * sleeper (wakers.h, I3). */
void synchronizer_wake_watchers(struct synchronizer *s);
/* Left with it until something changes; a thread that leaves them looks at it afterwards. */
void synchronizer_register_wakers(struct synchronizer *s, waker_set wakers);

/* Around each change of `now` and of the count of `slot`. */
void synchronizer_begin_change(struct synchronizer *s, uint32_t slot);
/* Commits it. */
void synchronizer_end_change(struct synchronizer *s);
/* The count of the process in `slot`, of a kind that has counts. */
_Atomic uint32_t *synchronizer_taken(struct synchronizer *s, uint32_t slot);

/* A waiter at the end of the line. False: none is free; sleep on `room`. */
MUST_CHECK bool synchronizer_enter(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w);
/* The word to sleep on while it is *seen: that of the wait's waiter, which it gets if it has none,
 * or `room`. */
futex_word *synchronizer_get_in_line(struct synchronizer *s, uint32_t slot, struct synchronizer_wait *w,
                                     uint32_t *seen);
/* Of a wait that has a waiter. Without the lock it may change at any time from WAITING on. */
enum waiter_state synchronizer_waiter_state(const struct synchronizer_wait *w);
/* Frees the wait's waiter, if it has one. The caller settles. */
void synchronizer_leave(struct synchronizer *s, struct synchronizer_wait *w);
/* The first after `ticket` that waits or was woken; NULL: none. */
struct waiter *synchronizer_next(struct synchronizer *s, uint64_t ticket);
/* Changes its state and notes its word, for the caller to wake when it leaves the lock. */
void synchronizer_move(struct waiter *p, enum waiter_state state, struct synchronizer_wakes *wakes);
/* All that wait. */
void synchronizer_move_all(struct synchronizer *s, enum waiter_state state, struct synchronizer_wakes *wakes);
/* How many waiters are in this state. */
uint32_t synchronizer_count(const struct synchronizer *s, enum waiter_state state);
/* Frees the waiters of a process that is gone; how many of them had been granted. */
uint32_t synchronizer_forget_waiters(struct synchronizer *s, uint32_t slot);

/* Without the lock: until *word is not `seen`. STATUS_OK: look again. */
MUST_CHECK status synchronizer_sleep(struct synchronizer *s, futex_word *word, uint32_t seen, deadline until);

/* The RLock that belongs to another object, which has its name in *name, and which the
 * caller holds: made on the first call, held once more by this process. The caller anchors it
 * (shared/object.h, I3). A name whose lock is gone, for its maker died before it was
 * anchored, is replaced. */
MUST_CHECK status synchronizer_beside(_Atomic object_ref *name, struct synchronizer **out);
/* The other object ends. */
void synchronizer_leave_beside(_Atomic object_ref *name);

/* Aborts when an invariant does not hold; nobody else may be at work. */
void synchronizer_validate(struct synchronizer *s);

/* What a kind brings along. */
struct synchronizer_rules {
  void (*settle)(struct synchronizer *s, struct synchronizer_wakes *wakes);
  /* A process that had the object is gone, and did not let go of it. NULL: no death matters to
   * it. */
  void (*forget)(struct synchronizer *s, uint32_t slot);
  /* A thread, or its VM, ends, and has not returned `count` of what it took; of a barrier it is a
   * party. `has_died`: it failed or was stopped. NULL: nothing can be held. */
  void (*end)(struct synchronizer *s, struct execution_context who, uint64_t count, bool has_died);
  /* Beside what synchronizer_validate does for all kinds; NULL: nothing. */
  void (*validate)(struct synchronizer *s);
};
#define KIND(id, number, name, rules, ...) extern const struct synchronizer_rules rules##_rules;
#include "shared/lock_kinds.def"

/* The rows of shared/lock_kinds.def, by enum lock_kind. */
struct lock_kind_row {
  const char *name;
  const struct synchronizer_rules *rules;
  uint32_t waiters;
  enum synchronizer_holding holds;
};
extern const struct lock_kind_row lock_kinds[LOCK_KINDS];

/* The row of its kind, which indexes functions. Aborts unless there is such a kind: a peer may have
 * written anything. */
static inline const struct lock_kind_row *synchronizer_kind(const struct synchronizer *s) {
  const uint32_t kind = *(const volatile uint32_t *)&s->kind;
  CHECK(kind > LOCK_KIND_NONE && kind < LOCK_KINDS);
  return &lock_kinds[kind];
}

/* What its kind holds. */
static inline enum synchronizer_holding synchronizer_holding(const struct synchronizer *s) {
  return synchronizer_kind(s)->holds;
}

/* What a word without the gate says of the lock; the rest of `now` stays. */
static inline void synchronizer_read_word(uint64_t word, struct synchronizer_state *now) {
  const struct execution_context holder = lock_word_holder(word);
  now->permits = word == LOCK_WORD_FREE;
  now->slot = holder.slot;
  now->thread = holder.thread;
  now->depth = word == LOCK_WORD_FREE ? 0 : lock_word_depth(word);
}

/* The end of the waiters, checked: they lie within the segment. */
const struct waiter *synchronizer_waiters_end(const struct synchronizer *s);

#endif
