/* SPDX-License-Identifier: MIT */
/* The lock of one VM: whoever runs Lua in it holds this lock.
 *
 * It is taken when a VM is entered and left around everything that may wait. With one thread for each VM, as
 * now, nobody ever waits for it, and taking it is one atomic operation.
 */
#ifndef STATE_VM_LOCK_H
#define STATE_VM_LOCK_H

#include "sync/lock_rank.h"
#include "sync/mutex.h"

struct vm_lock {
  struct mutex mutex;
};

static inline void vm_lock_init(struct vm_lock *l) { mutex_init(&l->mutex); }
static inline void vm_lock_fini(struct vm_lock *l) { mutex_fini(&l->mutex); }
static inline void vm_lock_take(struct vm_lock *l) ACQUIRES(rank_vm) NO_THREAD_SAFETY_ANALYSIS {
  mutex_lock(&l->mutex);
}
static inline void vm_lock_drop(struct vm_lock *l) RELEASES(rank_vm) NO_THREAD_SAFETY_ANALYSIS {
  mutex_unlock(&l->mutex);
}

#endif
