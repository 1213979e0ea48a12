/* SPDX-License-Identifier: MIT */
/* What a new VM begins with: its libraries, coroutines that can be stopped, print, and its limit,
 * which counts from when all that is there.
 */
#ifndef STATE_VM_OPEN_H
#define STATE_VM_OPEN_H

#include "state/vm.h"

/* A VM, entered: the calling thread holds its lock. `options` NULL: all as the stand-alone
 * interpreter has it. -ENOMEM. */
MUST_CHECK status vm_open(struct vm **out, const struct vm_options *options);

#endif
