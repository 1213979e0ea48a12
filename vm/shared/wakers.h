/* SPDX-License-Identifier: MIT */
/* How one thread waits for many things at once. The thread takes a bell, registers its bit
 * with every object, checks each again, and sleeps on the bell. An event rings every
 * registered bell once.
 *
 * I1  A stale bit, of a wait that is over or a process that is dead, causes at most one spurious
 *     wake-up. Waiters are not counted.
 * I2  A bell says "look again" and nothing else. When all are taken they are shared: a thread with
 *     a shared one is woken too often, and cannot have a descriptor for it.
 * I3  A ring that is lost, because the ringer died between the event and the ring, is made good by
 *     the sleeper, which looks again after a quarter of a second (bells_sleep).
 *
 * Any thread of any process; no locks.
 */
#ifndef SHARED_WAKERS_H
#define SHARED_WAKERS_H

#include "os/futex.h"
#include "os/notify_socket.h"
#include "shared/process_table.h"

enum { BELLS = 64 };
typedef uint64_t bell_set; /* a bit for each bell */

struct bell {
  _Alignas(64) futex_word rings;
  _Atomic uint32_t taken_by;         /* slot + 1 of the process whose thread has it; 0: nobody */
  _Atomic notify_name notify_socket; /* for a sleeper that waits for descriptors as well; 0: none */
};

struct bells {
  struct bell bells[BELLS];
};

/* A thread's hold on one bell, for the length of a wait. */
struct bell_hold {
  struct bell *bell;
  bell_set bit;
  bool is_shared;
};

void bells_take(struct bells *bells, uint32_t slot, struct bell_hold *out);
void bells_leave(struct bell_hold *hold);
/* Wakes the threads that have one of the bells. */
void bells_ring(struct bells *bells, bell_set which);
/* Frees the bells of a process that is gone. May be done twice. */
void bells_forget(struct bells *bells, uint32_t slot);
void bells_validate(const struct bells *bells);

/* What to sleep on: read before the things are looked at. */
uint32_t bells_seen(const struct bell_hold *hold);
/* Sleeps until the bell rings, a quarter of a second at most. STATUS_OK: look again; STATUS_TIMEOUT: `until`
 * has passed; STATUS_INTERRUPTED. */
MUST_CHECK status bells_sleep(const struct bell_hold *hold, uint32_t seen, deadline until);

#endif
