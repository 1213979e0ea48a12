/* SPDX-License-Identifier: MIT */
/* Opening a new VM: its libraries, coroutines that can be stopped, print, random numbers of its own, and
 * its memory limit, which applies once the rest is open.
 */
#ifndef STATE_VM_OPEN_H
#define STATE_VM_OPEN_H

#include "state/vm.h"

/* Opens a VM and enters it: the calling thread holds its lock. `options` NULL: as the stand-alone
 * interpreter. -ENOMEM. */
MUST_CHECK status vm_open(struct vm **out, const struct vm_options *options);

#endif
