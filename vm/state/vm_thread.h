/* SPDX-License-Identifier: MIT */
/* The threads of VMs, and the binding of OS threads to them.
 *
 * An OS thread is bound to at most one thread of one VM, so that a signal handler can find it. The
 * binding is thread-local state at file scope (vm/README.md). A host's own OS thread, which was
 * never bound, counts as the main thread of each VM. No lock.
 */
#ifndef STATE_VM_THREAD_H
#define STATE_VM_THREAD_H

#include "state/vm_struct.h"

/* Binds this OS thread to the main thread of `vm`, which gets the signals that interrupt the VM.
 * NULL: removes the binding. */
void vm_bind_thread(struct vm *vm);
/* For a VM of the host, which may use it by another thread than before: the calling thread, which has the VM's lock as
 * its main one, is the main thread from now on, and gets those signals. */
void vm_thread_follow(struct vm *vm);
/* Initialises another thread of `vm`, which runs `L`. The caller, which starts the OS thread, sets
 * user.thread before it leaves the VM lock. */
void vm_thread_init(struct vm_thread *t, struct vm *vm, lua_State *L);
/* Lets go of its message and its buffer. */
void vm_thread_fini(struct vm_thread *t);
/* Counts `t` among the threads of its VM, and does so no longer. The caller holds the VM's lock. */
void vm_thread_add(struct vm_thread *t);
void vm_thread_remove(struct vm_thread *t);
/* What it is called where threads are listed: the name of its worker, and the world of that. */
void vm_thread_name(struct vm_thread *t, const char *name, const char *world);
/* Binds this OS thread to `t`; before it enters the VM. */
void vm_bind_other_thread(struct vm_thread *t);
/* Removes this OS thread's binding to `vm`, if there is one. */
void vm_forget_thread(const struct vm *vm);

/* The thread of `vm` to which this OS thread is bound, else the main one. */
struct vm_thread *vm_self(struct vm *vm);
/* The thread to which this OS thread is bound; NULL: none. Async-signal-safe. */
struct vm_thread *vm_thread_bound(void);
/* Whether the calling thread is bound to this VM; and whether it is bound to none that lives. */
bool vm_thread_is_bound(const struct vm *vm);
bool vm_thread_is_free(void);
/* For vm_thread.c: whether the VM of this number is open. */
bool vm_is_live(uint32_t number);
/* The mutex, a leaf, that protects the list of this process's VMs, and the lists and the names of their
 * threads. */
void vm_live_lock(void);
void vm_live_unlock(void);
/* In a forked child, on its only thread: the parent's sampler may have had the mutex. */
void vm_live_after_fork(void);
/* The first VM of the list, whose others follow by next_live. Under the mutex. */
struct vm *vm_live_first(void);

#endif
