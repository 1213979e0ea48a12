/* SPDX-License-Identifier: MIT */
/* One Lua VM: an isolated Lua state with its own lock.
 *
 * There are two kinds. A VM made here (vm_open.h) owns its lua_State. The state of a host that
 * calls `require "manymoons"` is adopted (vm_adopt): the host owns the state, and the struct vm
 * lives until the host closes it.
 *
 * A VM has a main thread and possibly others, each with a lua_State of its own. They take turns
 * under the VM lock.
 *
 * I1  A thread that runs Lua in a VM holds its lock (state/vm_lock.h). Code that may wait runs
 *     between vm_leave and vm_enter, and touches no Lua object there.
 * I2  Only the holder of the lock calls the allocator.
 * I3  A stop is requested of one thread and stays requested until vm_clear_stop: each wait and each
 *     armed hook of that thread sees it.
 */
#ifndef STATE_VM_H
#define STATE_VM_H

#include "base/status.h"
#include "state/vm_struct.h"
#include "state/vm_thread.h"

struct vm_options {
  unsigned libraries;       /* enum vm_standard_library; 0: all */
  bool ignores_environment; /* LUA_PATH and similar variables */
  size_t memory_limit;      /* bytes; allocations beyond it fail; 0: none */
  bool counts_memory;       /* without a limit, too: for a VM that pauses */
  lua_Alloc alloc;          /* NULL: the C library's; called by the holder of the VM's lock */
  void *alloc_context;
};
/* For vm_open.c: a VM with an empty state, not entered. Its memory limit is not active until
 * vm_limit_memory. -ENOMEM. */
MUST_CHECK status vm_make(struct vm **out, const struct vm_options *options);
/* Closes the state, which runs finalizers, and frees the VM. The caller has entered it. */
void vm_close(struct vm *vm);
/* Bytes in use, now and at their peak. Exact for a VM with a limit or an allocator of its own, else
 * the collector's count: counting allocations costs a script that makes many tables 5 % of its
 * time. The caller has entered the VM, which is not adopted. */
struct vm_memory {
  size_t used;
  size_t peak; /* 0: unknown */
};
/* In bytes. Without a limit the most used at a time is not counted, and 0. */
struct vm_memory vm_memory_of(struct vm *vm);
/* Whether vm_limit_memory set one. */
bool vm_has_limit(const struct vm *vm);
/* Sets the limit of a VM that counts its memory, and does nothing for others; 0: none. The caller
 * has entered the VM. */
void vm_limit_memory(struct vm *vm, size_t bytes);
/* Limits the shared memory that the VM has made and that is neither taken nor freed. Call it before
 * the VM is bound to a thread; the segment is open until the VM is closed. vm_limit_memory of 0 ends
 * this limit as well. STATUS_FULL: too many VMs have a limit. */
MUST_CHECK status vm_limit_shared_memory(struct vm *vm, size_t bytes);
/* The VM of a host's state. The first call makes and enters it, later ones return the same.
 * [-0, +0, raises] */
struct vm *vm_adopt(lua_State *L);
/* The VM of L; NULL before vm_adopt. */
struct vm *vm_of(lua_State *L);
/* Its main state. To be used under rank_vm alone. */
static inline lua_State *vm_lua(struct vm *vm) { return vm->state; }

/* Around code that may wait. */
void vm_leave(struct vm *vm) RELEASES(rank_vm);
/* Waits for the VM's lock, without a deadline: its holder gives it up when asked. */
void vm_enter(struct vm *vm) ACQUIRES(rank_vm);
/* vm_enter, for a caller that goes on with `L`. [-0, +0, does not raise] */
void vm_return(lua_State *L, struct vm *vm) ACQUIRES(rank_vm);
/* Lets another thread run first, if one has asked for the lock. */
void vm_make_way(lua_State *L, struct vm *vm) REQUIRES(rank_vm);

#endif
