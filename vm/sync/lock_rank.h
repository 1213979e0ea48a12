/* SPDX-License-Identifier: MIT */
/* The lock order of the whole project: this file is the order, and clang checks it.
 *
 * Each rank is a capability that is declared and never defined. A function that takes a lock names
 * its rank. A thread takes ranks downwards in this list, never upwards, and never two locks of one
 * rank. clang (-Wthread-safety -Wthread-safety-beta, part of `make check`) reports an inverted
 * order, a field used without its lock and a lock that leaks as errors; gcc checks nothing.
 *
 * rank_vm          one Lua VM: every call into Lua              (state/vm_lock.h)
 * rank_forkserver  this process's connection to its fork server (process/forkserver.c)
 * rank_sweep       cleaning up after dead processes             (shared/sweep.c)
 * rank_holds       this process's table of held objects         (shared/holds.c)
 * rank_count       in-flight counts of the whole program        (shared/holds.c)
 * rank_tail        the producers' end of one ring               (shared/ring.c)
 * rank_head        the consumers' end of one ring               (shared/ring.c)
 * rank_sync        one synchronizer or shared table             (shared/synchronizer.h)
 * rank_arena       free runs and slabs of the segment           (shared/arena_runs.c)
 *
 * While a thread holds a lock below rank_vm it runs no Lua, makes no blocking call but for further
 * locks, and calls back nowhere.
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
extern struct lock_rank rank_arena ACQUIRED_AFTER(rank_sync);

#endif
