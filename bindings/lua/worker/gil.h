/* SPDX-License-Identifier: MIT */
/* mm.gil() and mm.setswitchinterval(): the lock of this VM, looked at and set. */
#ifndef BINDINGS_WORKER_GIL_H
#define BINDINGS_WORKER_GIL_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* gil() → a table of counters, times in seconds */
int gil_read(lua_State *L);
/* gil_set(schedule or nil, interval in seconds or nil); the arguments were checked (api.lua). */
int gil_set(lua_State *L);
/* Once, when the VM is about to close: adds how its lock was used to the program's totals. */
void gil_settle(struct vm *vm);
/* thread() → which thread of the VM runs here: a light userdata; false for the main one */
int thread_number(lua_State *L);

#endif
