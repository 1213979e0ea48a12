/* SPDX-License-Identifier: MIT */
/* Value and Array: typed memory of the segment as Lua sees it, the same in every world. */
#ifndef BINDINGS_MEMORY_TYPED_ARRAY_H
#define BINDINGS_MEMORY_TYPED_ARRAY_H

#include "core/arguments.h"

/* Their transfer. [-0, +0, raises] */
void memory_open(lua_State *L);
/* memory_new("Value" or "Array", type, count) → a handle on zeroes; or nil and why */
int memory_new(lua_State *L);

#endif
