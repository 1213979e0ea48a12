/* SPDX-License-Identifier: MIT */
/* Looking at the stacks of a VM's threads for a profile, where that is safe: see sampler.h.
 *
 * The caller holds the VM's lock, or has borrowed it, unless said otherwise.
 */
#ifndef STATE_SAMPLE_H
#define STATE_SAMPLE_H

#include <lua.h>

#include "state/vm_struct.h"

/* Whether the holder of the VM's lock is to look. Any thread. */
static inline bool sample_is_asked(const struct vm *vm) {
  return atomic_load_explicit(&vm->is_sampled, memory_order_relaxed);
}
/* Looks, if it is asked. The caller is the holder. [-0, +0, does not raise] */
void sample_answer(struct vm *vm) REQUIRES(rank_vm);
/* Looks at every thread of the VM: the time that is due to each goes to the stack that it has. */
void sample_all(struct vm *vm);

/* Takes the time that is due to the next stack of the thread. False: there is none. Any thread. */
bool sample_take_due(struct vm_thread *t, uint32_t us[PROFILE_STATE_COUNT]);
/* Charges a stack of the thread with the time that was due, and records that where a recording is under
 * way. Any thread. */
void sample_note(const struct vm_thread *t, uint32_t stack, const uint32_t us[PROFILE_STATE_COUNT]);
/* Whether the thread holds the VM's lock. Any thread. */
bool sample_is_holder(const struct vm_thread *t);
/* Whether the thread waits where it was last looked at. Any thread. */
bool sample_has_known_stack(const struct vm_thread *t);

/* Has LuaJIT's profiler look when it is asked, also in compiled loops, in which no hook runs. LuaJIT
 * does so for one VM of a process, the first one; vm->is_watched says whether it is this one. */
enum sample_watching { SAMPLE_WATCHED, SAMPLE_UNWATCHED };
void sample_watch(lua_State *L, struct vm *vm, enum sample_watching how) REQUIRES(rank_vm);
/* In a forked child: the VM is not profiled yet. */
void sample_after_fork(struct vm *vm);

#endif
