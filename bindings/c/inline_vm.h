/* SPDX-License-Identifier: MIT */
/* The jobs of an INLINE VM, which the polling thread runs a slice at a time.
 *
 * Jobs run on a C stack of their own (os/fiber.h): a slice ends with a switch back to the poller's stack,
 * wherever the job is then, also in a coroutine of the script, and in a C function that counts its steps
 * or calls Lua. The poller's stack holds nothing of a job, and the next slice may run on another thread.
 *
 * I1  Only the polling thread calls these functions, and no two at a time.
 * I2  The VM's lock is entered while a job's stack runs, and left between two slices.
 */
#ifndef C_INLINE_VM_H
#define C_INLINE_VM_H

#include "c/embedded_vm.h"

/* Opens the Lua VM and makes its stack. -ENOMEM, -EINVAL, -errno: as the driver's open. */
MUST_CHECK status inline_vm_open(struct mm_vm *vm);
/* Whether this is an INLINE VM with a job to run, or to be ended. */
bool inline_vm_has_work(struct mm_vm *vm);
/* Runs the current or the next job until it ends, or until `until`. */
void inline_vm_run(struct mm_vm *vm, deadline until);
/* Stops the job, which runs until it obeys, and closes the Lua VM. */
void inline_vm_close(struct mm_vm *vm);

#endif
