/* SPDX-License-Identifier: MIT */
/* The handles of typed arrays (shared/typed_array.h), mm.Value and mm.Array, in every world. */
#ifndef BINDINGS_MEMORY_TYPED_ARRAY_H
#define BINDINGS_MEMORY_TYPED_ARRAY_H

#include "core/arguments.h"

/* Lets this VM decode them. [-0, +0, raises] */
void typed_array_open(lua_State *L);
/* typed_array_new("Value" or "Array", type, count) → a handle, all elements 0; or nil and why.
 * [-0, +1 or 2, raises] */
int typed_array_new(lua_State *L);
/* typed_array_cast(bytes, type) → an Array of the type over the same memory. [-0, +1, raises] */
int typed_array_cast_call(lua_State *L);
/* set_pointer_caster(f): from now on `pointer` returns f(address, type), as f(…, "f64"). [-0, +0, raises] */
int typed_array_set_caster(lua_State *L);

#endif
