/* SPDX-License-Identifier: MIT */
/* Samples the stacks of this process's VMs while the program is profiled (vm/profile).
 *
 * A thread of each process, outside of all VMs, looks at every thread of every VM some times a
 * second. What a thread does at that moment it learns from the VM's lock and from the kernel. The
 * stack it may only read while no Lua runs in the VM:
 *
 *   - where the lock is free (all threads of the VM wait in calls), it borrows the lock, and walks;
 *   - where a thread holds the lock, it sends that thread the signal that asks it to make way
 *     (vm_interrupt.h), whose hook walks the stacks of all threads of the VM.
 *
 * Time that passed since a thread's last look is due to the stack that the next look finds. So a
 * long call of a C function, in which no hook runs, gets all of its time when it returns: the hook
 * runs at its return. A thread that waits, and has not held the lock since it was last looked at,
 * still has the same stack, and is not looked at again.
 *
 * I1  Nothing happens, and there is no thread, while the program is not profiled.
 * I2  A tick that took long is followed by a longer pause: the thread uses at most two hundredths
 *     of a processor.
 * I3  A process that forks keeps one thread besides the sampler's, which holds nothing that the
 *     child needs: its mutexes are made anew there.
 *
 * On LuaJIT compiled loops run no hooks. Its own profiler interrupts them, in one VM of each process;
 * in the others their time goes to the next stack that is found.
 */
#ifndef STATE_SAMPLER_H
#define STATE_SAMPLER_H

#include "state/vm.h"

/* Starts or ends the sampling of this process, as the segment's word says. It is called where a VM
 * begins its work, and where threads wait. The caller holds the VM's lock. [-0, +0, does not raise] */
void sampler_follow_word(lua_State *L, struct vm *vm, uint64_t word) REQUIRES(rank_vm);
static inline void sampler_follow(lua_State *L, struct vm *vm) REQUIRES(rank_vm) {
  const uint64_t word = segment_profiling();
  if (__builtin_expect(word != atomic_load_explicit(&vm->profile_word, memory_order_relaxed), 0))
    sampler_follow_word(L, vm, word);
}
/* How many threads of this process sample. */
int sampler_threads(void);

#endif
