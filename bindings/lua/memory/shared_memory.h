/* SPDX-License-Identifier: MIT */
/* The handle inside a SharedMemory (memory/memory.lua): a named block that this VM has open. */
#ifndef BINDINGS_MEMORY_SHARED_MEMORY_H
#define BINDINGS_MEMORY_SHARED_MEMORY_H

#include "core/arguments.h"

/* shared_memory_open(name, create, size) → a handle; or nil and why */
int shared_memory_open(lua_State *L);
/* shared_memory_unlink(name) → true; or nil and why */
int shared_memory_unlink(lua_State *L);

#endif
