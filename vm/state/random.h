/* SPDX-License-Identifier: MIT */
/* The random numbers of a VM: math.random and math.randomseed.
 *
 * Each new VM, and each forked child, begins at a place of its own in the sequence, from the system: a Lua
 * seeds itself by the time and an address, which VMs of one second share, or always alike (LuaJIT),
 * and a forked child would go on with the sequence of its parent.
 *
 * Streams of their own for parts of a program are in random_stream.h.
 *
 * PUC 5.1 and 5.3 draw from the C library, whose one state belongs to the process. A new VM there
 * has the same functions with a state of its own: after the same seed the numbers are the same, and
 * no VM disturbs the sequence of another one.
 */
#ifndef STATE_RANDOM_H
#define STATE_RANDOM_H

#include "state/lua_compat.h"

/* In a new VM, once its libraries are open. [-0, +0, raises] */
void random_open(lua_State *L);
/* Keeps the function that random_reseed calls, whatever the script does to `math` later. May be called
 * again. [-0, +0, memory] */
void random_keep(lua_State *L);
/* In a forked child, which has a copy of its parent's state. [-0, +0, raises] */
void random_reseed(lua_State *L);
/* Pushes the function that random_keep keeps; nil: there is none. [-0, +1, does not raise] */
void random_push_seeder(lua_State *L);

#endif
