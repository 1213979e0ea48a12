/* SPDX-License-Identifier: MIT */
/* What the threads of one VM have taken of locks and semaphores and not returned, and which
 * barriers they have met at: so that a thread, or the VM, that ends leaves nobody waiting for it.
 *
 * A list in the VM's registry, under the VM's lock. It is made before any handle, so it is
 * collected after all of them. What is in it has a handle in the VM: with the last one
 * (held_locks_forget) the VM can return nothing any more. The copy in a forked child is empty. */
#ifndef BINDINGS_LOCKS_HELD_LOCKS_H
#define BINDINGS_LOCKS_HELD_LOCKS_H

#include "shared/synchronizer.h"
#include "state/lua_compat.h"
#include "state/vm.h"

struct held_locks;
struct lock_wait;

/* [-0, +0, raises] */
void held_locks_open(lua_State *L);
/* This VM's list, which lives as long as the VM; NULL in one that was stopped, or ran out of memory, before it had one. */
struct held_locks *held_locks_of(lua_State *L);
/* `who`, of this VM, took so many. -ENOMEM: nothing is noted. */
MUST_CHECK status held_locks_add(struct held_locks *h, struct synchronizer *s, struct execution_context who,
                                 uint64_t count);
/* `who` returned so many: its own, or another thread's. */
void held_locks_drop(struct held_locks *h, const struct synchronizer *s, struct execution_context who,
                     uint64_t count);
/* How many `who` has taken and not returned. */
uint64_t held_locks_count(struct held_locks *h, const struct synchronizer *s, struct execution_context who);
/* The last handle on `s` of this VM is about to be collected: what is held ends with it. */
void held_locks_forget(struct held_locks *h, const struct synchronizer *s);

/* How many entries there are, and the end of those that came later (serial: a worker is a call). */
size_t held_locks_mark(struct held_locks *h);
/* The waits of this VM for locks (lock_wait.h), for that file alone: the head of their list. A forked child has
 * none. */
struct lock_wait **held_locks_waits(struct held_locks *h);
/* Its first field: most calls find that there is none, and pay one load. */
struct held_locks_first {
  struct lock_wait *waits;
};
static inline bool held_locks_has_waits(const struct held_locks *h) {
  return ((const struct held_locks_first *)(const void *)h)->waits != NULL;
}
/* RWLocks that `who` holds for reading, `count` at most; 0 in what is left of `out`. */
void held_locks_shares(struct held_locks *h, struct execution_context who, object_ref *out, size_t count);
/* Ends all holds noted after `mark` (held_locks_mark), the latest first. `has_died`: what they
 * protect may be half changed, and the next holder is told. */
void held_locks_end_since(struct held_locks *h, size_t mark, bool has_died);
/* A thread of the VM, or a task, ends: see lock_handle_caller. */
void held_locks_end_agent(struct held_locks *h, uint64_t thread, bool has_died);
/* The VM's main thread ends, and the VM with it. */
void held_locks_end(struct held_locks *h, bool has_died);
/* True when the VM ends and has failed, or was stopped. */
bool held_locks_has_died(const struct held_locks *h);

/* ---- for Lua --------------------------------------------------------------------------------- */

/* held_locks_mark() → a number for held_locks_end_since. [-0, +1, does not raise] */
int held_locks_mark_call(lua_State *L);
/* held_locks_end_since(mark, has_died): what came later is abandoned. [-0, +0, raises] */
int held_locks_end_since_call(lua_State *L);

#endif
