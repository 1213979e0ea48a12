/* SPDX-License-Identifier: MIT */
/* The threads of VMs, and which of them this OS thread is.
 *
 * An OS thread is bound to at most one thread of one VM: a signal handler has no other way to find
 * it. That is state at file scope, thread-local (vm/README.md). A thread that was never bound, of a
 * host that has some of its own, counts as the main one of each VM. No lock.
 */
#ifndef STATE_VM_THREAD_H
#define STATE_VM_THREAD_H

#include "state/vm_struct.h"

/* This thread runs `vm` from now on, as its main thread (NULL: none): where signals that interrupt
 * will be sent. */
void vm_bind_thread(struct vm *vm);
/* One more thread of `vm`, to run `L`. Whoever starts it sets user.thread before it leaves the VM's
 * lock. */
void vm_thread_init(struct vm_thread *t, struct vm *vm, lua_State *L);
void vm_thread_fini(struct vm_thread *t);
/* This OS thread is that one; before it enters. */
void vm_bind_other_thread(struct vm_thread *t);
/* The VM goes; if this thread ran it, it runs none. */
void vm_forget_thread(const struct vm *vm);

/* The thread of `vm` that this OS thread is; a host's own threads all count as the main one. */
struct vm_thread *vm_self(struct vm *vm);
/* The thread of a VM that this OS thread is; NULL: it is none. Async-signal-safe. */
struct vm_thread *vm_thread_bound(void);

#endif
