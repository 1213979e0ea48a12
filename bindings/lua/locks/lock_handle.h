/* SPDX-License-Identifier: MIT */
/* The handles of locks, semaphores, conditions, barriers and events: one object of the segment
 * each, the same in every world. Their methods are in locks.c, rwlock.c and conditions.c; `with`, and
 * the classes Condition and Barrier, in locks/locks.lua.
 *
 * Each row of shared/lock_kinds.def is a class here. Its methods file defines class_methods, and in
 * class_class what the methods do not say. */
#ifndef BINDINGS_LOCKS_LOCK_HANDLE_H
#define BINDINGS_LOCKS_LOCK_HANDLE_H

#include "core/shared_handle.h"
#include "core/wait_any.h"
#include "shared/synchronizer.h"

struct lock_wait;

struct lock_handle {
  struct shared_handle shared;   /* its type's name is that of the kind, its flavor enum lock_kind */
  struct synchronizer *s;        /* the object; NULL once collected */
  struct held_locks *held_locks; /* the VM's list of what it holds */
  bool never_waits;              /* serial: nobody else could ever end a wait */
};

/* Their transfer. [-0, +0, raises] */
void lock_handle_open(lua_State *L);
/* lock_handle_new("Lock", initial or nil, is_serial) */
int lock_handle_new(lua_State *L);
/* lock_handle_methods("Lock") → the table of its methods, for those that are written in Lua */
int lock_handle_methods(lua_State *L);
/* lock_kinds() → the kinds in a list and by name, each as { name =, holds = }; holds: "nothing",
 * "one", "recursive", "permits", "bounded" or "shared". [-0, +1, memory] */
int lock_handle_kinds(lua_State *L);

/* Pushes a handle on `s`, whose hold it takes over. [-0, +1, raises] */
void lock_handle_push(lua_State *L, struct synchronizer *s, bool never_waits);
/* The handle at `index`. [raises] */
struct lock_handle *lock_handle_check(lua_State *L, int index, enum lock_kind kind);
/* NULL: it is none. */
struct lock_handle *lock_handle_at(lua_State *L, int index);
/* The thread, or the task, that calls. */
struct execution_context lock_handle_caller(lua_State *L);
/* The same, of a VM that the caller knows. */
struct execution_context lock_handle_caller_in(struct vm *vm);
/* "held by process 7, this thread" [-0, +1, memory] */
void lock_handle_push_holder(lua_State *L, struct execution_context holder);

/* Of acquire(timeout), or as in Python acquire(block, timeout). [raises] */
deadline lock_handle_deadline(lua_State *L);

struct lock_class {
  /* For tostring, in words. [-0, +1, memory] */
  void (*push_state)(lua_State *L, struct synchronizer *s);
  const struct waitable *waitable;  /* how mm.wait takes part in it; NULL: not at all */
  const struct waitable *watchable; /* how a task alone does */
};
/* The methods of each class, those of them that may wait, and the rest. */
#define KIND(id, number, name, rules, waiters, holds, class) \
  extern const luaL_Reg class##_methods[];                   \
  extern const struct waiting_entry class##_waits[];         \
  extern const struct lock_class class##_class;
#include "shared/lock_kinds.def"

/* acquire after a wait for a condition. The caller holds the object, `s`: the handle may be closed, before
 * or meanwhile. *was_abandoned: its holder had died. STATUS_DEADLOCK: lock_wait_refuse(w).
 * [-0, +0, does not raise] */
MUST_CHECK status lock_take(lua_State *L, const struct lock_handle *h, struct synchronizer *s,
                            struct lock_wait *w, bool *was_abandoned) REQUIRES(rank_vm);
/* Raises for a status that is no answer: the VM is to stop, the handle was closed, memory has run out.
 * [-0, +0, raises] */
void lock_raise_if_lost(lua_State *L, const struct lock_handle *h, status st);

#endif
