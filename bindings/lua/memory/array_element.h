/* SPDX-License-Identifier: MIT */
/* Conversion between Lua values and elements of typed arrays: numbers, and for char strings of one byte.
 *
 * Reading: a u64 above 2^63 - 1 becomes the nearest float, and so does, on LuaJIT and Lua 5.1, any
 * integer that a double cannot hold. Writing: an integer type takes whole numbers in its range; f32
 * rounds, and refuses finite numbers beyond its range.
 */
#ifndef BINDINGS_MEMORY_ARRAY_ELEMENT_H
#define BINDINGS_MEMORY_ARRAY_ELEMENT_H

#include "shared/typed_array.h"
#include "state/lua_compat.h"

/* Pushes what the bits of an element stand for. [-0, +1, memory] */
void array_element_push(lua_State *L, const struct array_element_type *t, uint64_t bits);
/* Converts the value at `index`. False: it does not fit, and a message is pushed. [-0, +0|1] */
MUST_CHECK bool array_element_read(lua_State *L, int index, const struct array_element_type *t,
                                   uint64_t *bits);
/* a + b, where b is the number at `index`; false as above. [-0, +0|1] */
MUST_CHECK bool array_element_add(lua_State *L, const struct array_element_type *t, uint64_t a, int index,
                                  uint64_t *sum);
/* Compares as numbers the bits of two elements of the type. A NaN is not less than anything. */
bool array_element_is_less(const struct array_element_type *t, uint64_t a, uint64_t b);

#endif
