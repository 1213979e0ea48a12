/* SPDX-License-Identifier: MIT */
/* The settings of a worker: the table from its start info (worker/start.lua), in the registry. */
#ifndef BINDINGS_CORE_SETTINGS_H
#define BINDINGS_CORE_SETTINGS_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* Makes the table at `index` the settings of this VM. [-0, +0, memory] */
void settings_keep(lua_State *L, int index);
/* Makes it the settings of one thread of this VM, until settings_drop_thread. [-0, +0, memory] */
void settings_keep_thread(lua_State *L, int index, const struct vm_thread *t);
/* The thread ends: its settings are forgotten. [-0, +0, memory] */
void settings_drop_thread(lua_State *L, const struct vm_thread *t);
/* Pushes the settings of the calling worker, which is this VM or a thread of it; nil in the main
 * thread of the main VM. [-0, +1, raises] */
void settings_push(lua_State *L);
/* Pushes the worker's name, or nil as settings_push does. [-0, +1, raises] */
void settings_push_name(lua_State *L);

/* From now on the calling thread runs only on the processors in the list at `index`: -EINVAL: none of its first
 * PROCESSORS_MAX numbers is there. [-0, +0, raises] */
MUST_CHECK status settings_allow_processors(lua_State *L, int index);

/* From now on the calling thread runs only on the processors of its settings, if they name some
 * (worker/processors.lua). [-0, +0, raises] */
void settings_bind_processors(lua_State *L);

/* settings() → what settings_push pushes. [-0, +1, raises] */
int settings_call(lua_State *L);

#endif
