/* SPDX-License-Identifier: MIT */
/* Wakers: how one thread waits for several objects at once. The thread takes a waker, registers its
 * bit with every object, checks each again, and sleeps on the waker. An event wakes every
 * registered waker once.
 *
 * I1  A stale bit, of a wait that is over or a process that is dead, causes at most one spurious
 *     wake-up. Waiters are not counted.
 * I2  A wake-up means "check again" and nothing else. When all wakers are taken, threads share
 *     them: a thread with a shared one is woken too often, and cannot have a descriptor for it.
 * I3  A wake-up is lost when a process dies between the event and the wake. The sleeper checks
 *     again after a quarter of a second, and so needs no other repair (wakers_sleep).
 *
 * Any thread of any process; no locks.
 */
#ifndef SHARED_WAKERS_H
#define SHARED_WAKERS_H

#include "os/futex.h"
#include "os/notify_socket.h"
#include "shared/process_table.h"

enum { WAKERS = 64 };
typedef uint64_t waker_set; /* a bit for each waker */

struct waker {
  _Alignas(64) futex_word wakes;
  _Atomic uint32_t taken_by;         /* slot + 1 of the process whose thread has it; 0: free */
  _Atomic notify_name notify_socket; /* for a sleeper that waits for descriptors as well; 0: none */
};

struct wakers {
  struct waker wakers[WAKERS];
};

/* A thread's waker, for the length of a wait. */
struct waker_hold {
  struct waker *waker;
  waker_set bit;
  bool is_shared;
};

/* Takes a free waker for a thread of the process in `slot`, or a shared one if all are taken. */
void wakers_take(struct wakers *wakers, uint32_t slot, struct waker_hold *out);
/* Ends the use of a waker. Its bit may stay registered with objects (I1). */
void wakers_release(struct waker_hold *hold);
/* Wakes the threads that have one of the wakers. */
void wakers_wake(struct wakers *wakers, waker_set which);
/* Frees the wakers of a dead process. May be done twice. */
void wakers_forget(struct wakers *wakers, uint32_t slot);
/* Aborts when an invariant does not hold. Read only. */
void wakers_validate(const struct wakers *wakers);

/* The value to sleep on; read it before checking the objects. */
uint32_t wakers_seen(const struct waker_hold *hold);
/* Sleeps until the waker is woken, a quarter of a second at most. STATUS_OK: check again;
 * STATUS_TIMEOUT: `until` has passed; STATUS_INTERRUPTED. */
MUST_CHECK status wakers_sleep(const struct waker_hold *hold, uint32_t seen, deadline until);

#endif
