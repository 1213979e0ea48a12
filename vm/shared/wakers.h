/* SPDX-License-Identifier: MIT */
/* How one thread waits for many things at once. The thread takes a waker, registers its bit
 * with every object, checks each again, and sleeps on the waker. An event rings every
 * registered waker once.
 *
 * I1  A stale bit, of a wait that is over or a process that is dead, causes at most one spurious
 *     wake-up. Waiters are not counted.
 * I2  A waker says "look again" and nothing else. When all are taken they are shared: a thread with
 *     a shared one is woken too often, and cannot have a descriptor for it.
 * I3  A ring that is lost, because the ringer died between the event and the ring, is made good by
 *     the sleeper, which looks again after a quarter of a second (wakers_sleep).
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
  _Alignas(64) futex_word rings;
  _Atomic uint32_t taken_by;         /* slot + 1 of the process whose thread has it; 0: nobody */
  _Atomic notify_name notify_socket; /* for a sleeper that waits for descriptors as well; 0: none */
};

struct wakers {
  struct waker wakers[WAKERS];
};

/* A thread's hold on one waker, for the length of a wait. */
struct waker_hold {
  struct waker *waker;
  waker_set bit;
  bool is_shared;
};

void wakers_take(struct wakers *wakers, uint32_t slot, struct waker_hold *out);
void wakers_leave(struct waker_hold *hold);
/* Wakes the threads that have one of the wakers. */
void wakers_wake(struct wakers *wakers, waker_set which);
/* Frees the wakers of a process that is gone. May be done twice. */
void wakers_forget(struct wakers *wakers, uint32_t slot);
void wakers_validate(const struct wakers *wakers);

/* What to sleep on: read before the things are looked at. */
uint32_t wakers_seen(const struct waker_hold *hold);
/* Sleeps until the waker rings, a quarter of a second at most. STATUS_OK: look again; STATUS_TIMEOUT: `until`
 * has passed; STATUS_INTERRUPTED. */
MUST_CHECK status wakers_sleep(const struct waker_hold *hold, uint32_t seen, deadline until);

#endif
