/* SPDX-License-Identifier: MIT */
/* mm.gil() and mm.setswitchinterval(): reading and configuring the VM lock. */
#ifndef BINDINGS_WORKER_GIL_H
#define BINDINGS_WORKER_GIL_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* gil() → a table of counters, times in seconds. [-0, +1, raises] */
int gil_read(lua_State *L);
/* gil_set(schedule or nil, interval in seconds or nil). worker/gil.lua has checked the arguments.
 * [-0, +0, raises] */
int gil_set(lua_State *L);
/* Adds the VM's lock statistics to the program's totals. Called once, before the VM closes. */
void gil_settle(struct vm *vm);
/* thread() → the key of the calling thread: a light userdata; false for the main one.
 * [-0, +1, does not raise] */
int thread_number(lua_State *L);
/* has_other_threads() → whether threads beside the calling one use this VM. [-0, +1, does not raise] */
int thread_has_others(lua_State *L);

#endif
