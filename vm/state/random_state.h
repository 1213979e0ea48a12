/* SPDX-License-Identifier: MIT */
/* The state of a VM's random numbers, and whose it is: the VM's own, or that of a thread with a stream of its own
 * (random_stream.h). The VM's lock protects it.
 *
 * I1  While a thread runs Lua the generator has the state of that thread's stream, or the VM's if the thread has none.
 *     vm.random.owner says whose state it has; vm_enter and vm_make_way exchange it where another thread ran.
 * I2  A thread that ends has no stream (vm_thread_remove).
 */
#ifndef STATE_RANDOM_STATE_H
#define STATE_RANDOM_STATE_H

#include "state/vm_struct.h"

/* Copies the generator's state, of vm_random.size bytes, to or from `state`. */
void random_state_read(const struct vm_random *r, uint8_t *state);
void random_state_write(struct vm_random *r, const uint8_t *state);
/* From now on the generator's state is that of t's stream. The VM's own is kept. */
void random_state_begin(struct vm *vm, struct vm_thread *t);
/* t, which runs, has no stream any more. */
void random_state_end(struct vm *vm, struct vm_thread *t);
/* The same in a forked child, whose generator is about to be seeded. */
void random_state_forget(struct vm *vm, struct vm_thread *t);
/* The generator gets the state for `t`, which has entered the VM. */
void random_state_follow(struct vm *vm, struct vm_thread *t);

#endif
