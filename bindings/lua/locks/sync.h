/* SPDX-License-Identifier: MIT */
/* The handles of locks, semaphores, conditions, barriers and events: one object of the segment
 * each, the same in every world. What they do is in locks.c and conditions.c; `with`, and the classes
 * Condition and Barrier, in locks/sync.lua. */
#ifndef BINDINGS_LOCKS_SYNC_H
#define BINDINGS_LOCKS_SYNC_H

#include "core/shared_handle.h"
#include "shared/synchronizer.h"

struct sync_handle {
  struct shared_handle shared;   /* its type's name is that of the kind, its flavor enum sync_kind */
  struct sync *s;                /* the object; NULL once collected */
  struct held_locks *held_locks; /* the VM's list of what it holds */
  bool never_waits;              /* serial: nobody else could ever end a wait */
};

/* Their transfer. [-0, +0, raises] */
void sync_open(lua_State *L);
/* sync_new("Lock", initial or nil, is_serial) */
int sync_new(lua_State *L);
/* sync_methods("Lock") → the table of its methods, for those that are written in Lua */
int sync_methods(lua_State *L);

/* Pushes a handle on `s`, whose hold it takes over. [-0, +1, raises] */
void sync_push(lua_State *L, struct sync *s, bool never_waits);
/* The handle at `index`. [raises] */
struct sync_handle *sync_check(lua_State *L, int index, enum sync_kind kind);
/* NULL: it is none. */
struct sync_handle *sync_at(lua_State *L, int index);
struct sync_agent sync_self(lua_State *L);

extern const luaL_Reg lock_methods[];
extern const luaL_Reg rlock_methods[];
extern const luaL_Reg semaphore_methods[];
extern const luaL_Reg condition_methods[];
extern const luaL_Reg barrier_methods[];
extern const luaL_Reg event_methods[];

/* acquire, among other things after a wait for a condition; [-0, +0, raises]. *was_abandoned:
 * its holder had died. */
MUST_CHECK status lock_take(lua_State *L, const struct sync_handle *h, deadline until, bool *was_abandoned)
    REQUIRES(rank_vm);

#endif
