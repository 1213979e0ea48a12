/* SPDX-License-Identifier: MIT */
/* What a worker's VM knows about itself: the settings table it was born with
 * (worker/process.lua), in the registry. */
#ifndef BINDINGS_CORE_SETTINGS_H
#define BINDINGS_CORE_SETTINGS_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* Keeps the table at `index`. [-0, +0, memory] */
void settings_keep(lua_State *L, int index);
/* The same for one thread of the VM. [-0, +0, memory] */
void settings_keep_thread(lua_State *L, int index, const struct vm_thread *t);
void settings_drop_thread(lua_State *L, const struct vm_thread *t);
/* Pushes the settings of the worker that this VM, or this thread of it, is; nil in the main VM.
 * [-0, +1, raises] */
void settings_push(lua_State *L);
/* Pushes the worker's name, or nil in the main VM. [-0, +1, raises] */
void settings_push_name(lua_State *L);

/* settings() → what settings_push pushes. [-0, +1, raises] */
int settings_call(lua_State *L);

#endif
