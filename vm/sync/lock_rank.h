/* SPDX-License-Identifier: MIT */
/* The lock order of the whole project: this file IS the order, and clang checks it.
 *
 * Each rank is a capability token that is declared and never defined. A lock names its rank where
 * it is taken; ranks are taken downwards in this list, never upwards, never two of one rank. Build
 * with clang (-Wthread-safety -Wthread-safety-beta, part of `make check`): an inverted order, a
 * field used without its lock and a lock that leaks are compile errors. gcc sees nothing.
 *
 * Which lock protects what:
 *   rank_vm         one Lua VM: every call into Lua              (state/vm_lock.h)
 *   rank_sweep      cleaning up after dead processes             (shared/sweep.c)
 *   rank_forkserver talking to this process's fork server      (process/forkserver.c)
 *   rank_holds    this process's table of held objects         (shared/holds.c)
 *   rank_count      what is in flight, in the whole program      (shared/holds.c)
 *   rank_tail       the producers' end of one ring               (shared/ring.c)
 *   rank_head       the consumers' end of one ring               (shared/ring.c)
 *   rank_sync       one lock, semaphore, condition or barrier    (shared/synchronizer.h)
 * While a lock below rank_vm is held: no Lua, no blocking call but the lock itself, no callback.
 */
#ifndef SYNC_LOCK_RANK_H
#define SYNC_LOCK_RANK_H

#include "base/annotations.h"

struct CAPABILITY("rank") lock_rank {
  char unused;
};

extern struct lock_rank rank_vm;
extern struct lock_rank rank_forkserver ACQUIRED_AFTER(rank_vm);
extern struct lock_rank rank_sweep ACQUIRED_AFTER(rank_forkserver);
extern struct lock_rank rank_holds ACQUIRED_AFTER(rank_sweep);
extern struct lock_rank rank_count ACQUIRED_AFTER(rank_holds);
extern struct lock_rank rank_tail ACQUIRED_AFTER(rank_count);
extern struct lock_rank rank_head ACQUIRED_AFTER(rank_tail);
extern struct lock_rank rank_sync ACQUIRED_AFTER(rank_head);

#endif
