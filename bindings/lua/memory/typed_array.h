/* SPDX-License-Identifier: MIT */
/* Value and Array: typed memory of the segment as Lua sees it, the same in every world. */
#ifndef BINDINGS_MEMORY_TYPED_ARRAY_H
#define BINDINGS_MEMORY_TYPED_ARRAY_H

#include "core/arguments.h"

/* Their transfer. [-0, +0, raises] */
void typed_array_open(lua_State *L);
/* typed_array_new("Value" or "Array", type, count) → a handle on zeroes; or nil and why */
int typed_array_new(lua_State *L);

#endif
