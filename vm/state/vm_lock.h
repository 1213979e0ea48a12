/* SPDX-License-Identifier: MIT */
/* The VM lock (GIL), one for each VM: a thread that runs Lua in the VM holds it.
 *
 * With one thread there are no waiters, and taking or leaving the lock is one atomic operation.
 * With several, one of two schedules chooses the next holder:
 *
 *   fair    A queue with direct hand-off: the holder hands the lock to the first waiter, so no
 *           thread can barge. The quantum belongs to the holder and starts when it gets the lock.
 *           Urgent threads, whose holds are short (interactive ones), have a queue of their own and
 *           may ask for the lock after a minimum quantum, as long as there is credit. Their holds
 *           spend credit; the holds of the others, the patient threads, earn it. A holder that made
 *           way for an urgent thread is the next patient one, with the rest of its quantum.
 *   legacy  CPython's: a condition variable; each waiter waits one interval from its arrival, then
 *           asks.
 *
 * The states of the lock:
 *
 *   FREE     no holder, no waiter
 *   HELD     a holder, no waiter
 *   WAITED   a holder and waiters
 *   AWAITED  no holder; a waiter was woken to take it
 *
 * I1  Without the guard the lock is taken only from FREE, and left only from HELD.
 * I2  `owner` is set while its thread holds the lock, and cleared before the lock is left. Under
 *     the guard, in state WAITED, it is a living thread, or NULL while the holder leaves.
 * I3  A waiter asks by setting drop_request and signalling the owner's thread. A signal may be lost
 *     (state/vm_interrupt.h), so the waiter asks again, with growing pauses, until it has the lock.
 * I4  Only the holder writes counters, except `requests`, which is written under the guard.
 *
 * The guard is a leaf: no lock is taken under it. This file knows no Lua.
 */
#ifndef STATE_VM_LOCK_H
#define STATE_VM_LOCK_H

#include "os/futex.h"
#include "os/mutex.h"
#include "os/thread.h"
#include "sync/lock_rank.h"
#include "trace/trace.h"

enum lock_schedule { LOCK_FAIR, LOCK_LEGACY };

/* The lock's record of one thread of the VM. */
struct lock_user {
  struct lock_user *next; /* in its queue; under the guard */
  futex_word granted;     /* 1: the lock was handed to this thread */
  bool is_urgent;         /* waits in the urgent queue; under the guard */
  struct thread thread;
  _Atomic int32_t number;   /* the kernel's, of that thread */
  _Atomic bool is_waiting;  /* for the lock */
  _Atomic int64_t taken_ns; /* the time of its last take */
  int64_t awake_ns;         /* when it began to run with the lock; until it wakes the giver writes it */
  _Atomic int64_t left_ns;  /* the rest of an interrupted quantum; 0: a whole one */
  _Atomic int64_t burst_ns; /* typical hold: a moving average that rises at once */
};

struct lock_line {
  struct lock_user *first;
  struct lock_user *last;
};

struct lock_counters {
  _Atomic int64_t takes;
  _Atomic int64_t contended; /* takes that waited */
  _Atomic int64_t switches;  /* takes by another thread than the last */
  _Atomic int64_t forced;    /* times the holder made way */
  _Atomic int64_t requests;  /* times a waiter asked */
  _Atomic int64_t held_ns;
  _Atomic int64_t waited_ns; /* sum over all waiters */
  _Atomic int64_t longest_ns;
};

enum lock_state { LOCK_FREE = 0, LOCK_HELD = 1, LOCK_WAITED = 2, LOCK_AWAITED = 3 };

struct vm_lock {
  _Atomic uint32_t state; /* enum lock_state */
  _Atomic bool drop_request;
  struct lock_user *_Atomic owner;
  struct lock_user *_Atomic last_owner; /* for comparison alone: it may have ended */
  _Atomic bool is_hold_short;           /* the owner's holds are short: waiters spin first */
  struct mutex guard;
  struct lock_line urgent; /* under the guard, like all below */
  struct lock_line patient;
  unsigned legacy_waiters;
  futex_word legacy_event;              /* counts releases */
  futex_word legacy_taken;              /* counts takes by waiters */
  _Atomic int64_t credit_ns;            /* hold time that urgent threads may spend; the holder writes it */
  _Atomic(enum lock_schedule) schedule; /* a take during a change may use either */
  _Atomic int64_t interval_ns;
  struct lock_counters counters;
  _Atomic(void (*)(const struct lock_user *)) ask; /* signals an owner; NULL: it cannot be interrupted */
};

/* Free, with the default interval. */
void vm_lock_init(struct vm_lock *l);
/* Nobody has it or waits for it. */
void vm_lock_fini(struct vm_lock *l);
/* For the calling thread. */
void lock_user_init(struct lock_user *u);
/* Its thread is the calling one from now on. */
void lock_user_is_here(struct lock_user *u);

/* Waits without a deadline. Not recursive. */
void vm_lock_take(struct vm_lock *l, struct lock_user *u) ACQUIRES(rank_vm);
/* With the fair schedule the first waiter has it then. */
void vm_lock_drop(struct vm_lock *l, struct lock_user *u) RELEASES(rank_vm);
/* Makes way for waiters that asked. Returns when this thread holds the lock again. */
void vm_lock_make_way(struct vm_lock *l, struct lock_user *u) REQUIRES(rank_vm);
/* Whether a waiter asks for it. Any thread; the holder acts on it by vm_lock_make_way. */
static inline bool vm_lock_is_asked(const struct vm_lock *l) {
  return atomic_load_explicit(&l->drop_request, memory_order_relaxed);
}

/* For an observer, which is no thread of the VM: keeps all others out while nobody holds the lock. False:
 * a thread holds it. It does not count as a take. The observer gives it back at once, and neither waits
 * nor runs Lua meanwhile. */
bool vm_lock_borrow(struct vm_lock *l);
void vm_lock_give_back(struct vm_lock *l);
/* Whether a thread of the VM waits for it. */
static inline bool vm_lock_is_waited(const struct vm_lock *l) {
  return atomic_load_explicit(&l->state, memory_order_relaxed) == LOCK_WAITED;
}

/* For the holder. */
void vm_lock_set_schedule(struct vm_lock *l, enum lock_schedule schedule) REQUIRES(rank_vm);
/* Nanoseconds that a thread may hold it while others wait. */
void vm_lock_set_interval(struct vm_lock *l, int64_t interval_ns) REQUIRES(rank_vm);

#endif
