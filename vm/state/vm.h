/* SPDX-License-Identifier: MIT */
/* One Lua VM: an isolated state with its own lock and its own life.
 *
 * Two kinds. A VM that we make (vm_open.h) owns its lua_State. A VM of a host that called require
 * "manymoons" is adopted (vm_adopt): the state is the host's, and ours only hangs on to it
 * until it is closed.
 *
 * A VM has one thread, its main one, or several: each with a lua_State of its own, taking
 * turns under the lock.
 *
 * I1  A thread that runs Lua in a VM holds its lock (state/vm_lock.h). vm_leave and vm_enter
 *     bracket what may wait; between them no Lua object may be touched.
 * I2  The allocator is called by the holder of the lock alone.
 * I3  A stop is asked of one thread, and stays asked until vm_clear_stop: each wait and each armed
 *     hook of that thread sees it.
 */
#ifndef STATE_VM_H
#define STATE_VM_H

#include "base/status.h"
#include "state/vm_struct.h"
#include "state/vm_thread.h"

struct vm_options {
  unsigned libraries;       /* enum vm_standard_library; 0: all */
  bool ignores_environment; /* LUA_PATH and its like */
  size_t memory_limit;      /* bytes beyond which allocations fail; 0: none */
  lua_Alloc alloc;          /* NULL: the C library's; called by the holder of the VM's lock */
  void *alloc_context;
};
/* For vm_open.c: a VM with an empty state, not entered. Its limit counts later, see
 * vm_limit_memory. -ENOMEM. */
MUST_CHECK status vm_make(struct vm **out, const struct vm_options *options);
/* Entered; closes the state (finalizers run) and frees it. */
void vm_close(struct vm *vm);
/* Bytes in use, now and at the most. Exact for a VM with a limit or an allocator of its own; else
 * what the collector says, for counting costs a script that makes many tables a twentieth of its
 * time. Entered; of a VM that we made. */
struct vm_memory {
  size_t used;
  size_t peak; /* 0: not known */
};
struct vm_memory vm_memory_of(struct vm *vm);
bool vm_has_limit(const struct vm *vm);
/* Another limit for a VM that counts; 0: none. Entered. */
void vm_limit_memory(struct vm *vm, size_t bytes);
/* The VM of a state that a host made; the same one each time. [-0, +0, raises] */
struct vm *vm_adopt(lua_State *L);
/* The VM that L belongs to; NULL before vm_adopt. */
struct vm *vm_of(lua_State *L);
static inline lua_State *vm_lua(struct vm *vm) { return vm->state; }

/* Around what may wait. */
void vm_leave(struct vm *vm) RELEASES(rank_vm);
void vm_enter(struct vm *vm) ACQUIRES(rank_vm);
/* Another thread may go first, if one has asked. */
void vm_make_way(lua_State *L, struct vm *vm) REQUIRES(rank_vm);

#endif
