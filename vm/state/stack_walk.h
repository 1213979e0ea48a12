/* SPDX-License-Identifier: MIT */
/* The stack of a thread of a VM, as a list of calls: that of its running coroutine, then those of the
 * coroutines that resumed it.
 *
 * The caller holds the VM's lock, or has borrowed it: no thread of the VM runs Lua meanwhile, but for
 * the caller itself. Nothing is allocated, and nothing is pushed on a stack. The texts in the calls
 * are those of Lua, valid for as long as the lock is held.
 */
#ifndef STATE_STACK_WALK_H
#define STATE_STACK_WALK_H

#include "profile/writer.h"
#include "state/vm_struct.h"

enum { STACK_WALK_MOST = 200 };

/* In a forked child: what is on the stack now is the parent's, and is left out from now on. */
void stack_walk_begin_here(struct vm_thread *t);
/* At most STACK_WALK_MOST calls, the innermost one first. Returns their number. */
size_t stack_walk(const struct vm_thread *t, struct profile_call calls[STACK_WALK_MOST]);

#endif
