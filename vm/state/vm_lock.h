/* SPDX-License-Identifier: MIT */
/* The lock of one VM: a thread that runs Lua in it holds this lock. The GIL, one for
 * each interpreter.
 *
 * With one thread there are no waiters, and taking or leaving it is one atomic operation. With
 * several, two schedules decide which is next:
 *
 *   fair    A queue with direct hand-off: the holder hands the lock to the next in line, so no
 *           thread can barge. The quantum belongs to the holder: it counts from when it got the
 *           lock. Threads whose holds are short (interactive ones) stand in a line of their own,
 *           and may ask for the lock after a minimum quantum, as long as they have credit: what
 *           they use they pay, what the others use earns them some. A holder that made way for
 *           such a thread goes on first, with what is left of its quantum.
 *   legacy  CPython's: a condition variable; each waiter waits a whole interval from its
 *           arrival, then asks.
 *
 * The states of the lock:
 *
 *   FREE     no holder, no waiter
 *   HELD     a holder, no waiter
 *   WAITED   a holder, and waiters
 *   AWAITED  no holder; a waiter was woken to take it
 *
 * I1  Only FREE may be taken without the guard, only HELD left without it.
 * I2  owner is set while its thread holds the lock, and cleared before it is left: a reader
 *     that looks at it under the guard while the state is WAITED reads a living thread, or NULL
 *     (on its way out).
 * I3  A waiter asks by setting drop_request and signalling the owner's thread; it asks again, with
 *     growing pauses, until it is served: a signal may be lost (state/vm_interrupt.h).
 * I4  Counters are written by the holder alone, but for requests: under the guard.
 *
 * The guard is a leaf: nothing is taken under it. This file knows no Lua.
 */
#ifndef STATE_VM_LOCK_H
#define STATE_VM_LOCK_H

#include "os/futex.h"
#include "os/mutex.h"
#include "os/thread.h"
#include "sync/lock_rank.h"
#include "trace/trace.h"

enum lock_schedule { LOCK_FAIR, LOCK_LEGACY };

/* One thread of the VM, as its lock sees it. */
struct lock_user {
  struct lock_user *next; /* in line; under the guard */
  futex_word granted;     /* 1: the lock was handed over */
  bool is_urgent;         /* in the interactive line; under the guard */
  struct thread thread;
  _Atomic int64_t taken_ns; /* when it got the lock */
  int64_t awake_ns;         /* when it began to run with it; its own, or the giver's before it wakes */
  _Atomic int64_t left_ns;  /* what is left of a quantum that was interrupted; 0: a whole one */
  _Atomic int64_t burst_ns; /* how long it holds, typically: a moving average, raised at once */
};

struct lock_line {
  struct lock_user *first;
  struct lock_user *last;
};

struct lock_counters {
  _Atomic int64_t takes;
  _Atomic int64_t contended; /* takes that had to wait */
  _Atomic int64_t switches;  /* another thread than before got it */
  _Atomic int64_t forced;    /* left because somebody asked */
  _Atomic int64_t requests;  /* how often somebody asked */
  _Atomic int64_t held_ns;
  _Atomic int64_t waited_ns; /* summed over all who waited */
  _Atomic int64_t longest_ns;
};

enum lock_state { LOCK_FREE = 0, LOCK_HELD = 1, LOCK_WAITED = 2, LOCK_AWAITED = 3 };

struct vm_lock {
  _Atomic uint32_t state; /* enum lock_state */
  _Atomic bool drop_request;
  struct lock_user *_Atomic owner;
  struct lock_user *_Atomic last_owner; /* only to be compared with */
  _Atomic bool is_hold_short;           /* whether the owner is a thread that holds it shortly */
  struct mutex guard;
  struct lock_line urgent; /* under the guard, like all below */
  struct lock_line patient;
  unsigned legacy_waiters;
  futex_word legacy_event;              /* the lock is to be had */
  futex_word legacy_taken;              /* somebody has it */
  _Atomic int64_t credit_ns;            /* what urgent threads may use yet; written by the holder */
  _Atomic(enum lock_schedule) schedule; /* a thread that comes while it changes may go by either */
  _Atomic int64_t interval_ns;
  struct lock_counters counters;
  _Atomic(void (*)(const struct lock_user *)) ask; /* how an owner is asked; NULL: it cannot be interrupted */
};

void vm_lock_init(struct vm_lock *l);
void vm_lock_fini(struct vm_lock *l);
void lock_user_init(struct lock_user *u);

void vm_lock_take(struct vm_lock *l, struct lock_user *u) ACQUIRES(rank_vm);
void vm_lock_drop(struct vm_lock *l, struct lock_user *u) RELEASES(rank_vm);
/* Makes way for the waiters that asked, and returns once it is this thread's turn again. */
void vm_lock_make_way(struct vm_lock *l, struct lock_user *u) REQUIRES(rank_vm);
static inline bool vm_lock_is_asked(const struct vm_lock *l) {
  return atomic_load_explicit(&l->drop_request, memory_order_relaxed);
}

/* The holder sets these. */
void vm_lock_set_schedule(struct vm_lock *l, enum lock_schedule schedule) REQUIRES(rank_vm);
void vm_lock_set_interval(struct vm_lock *l, int64_t interval_ns) REQUIRES(rank_vm);

#endif
