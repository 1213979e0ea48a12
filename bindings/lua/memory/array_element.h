/* SPDX-License-Identifier: MIT */
/* Numbers of Lua and elements of typed memory: what fits into what.
 *
 * Integers are exact where Lua's numbers are: a u64 above 2^63 - 1 is read as the nearest float; on LuaJIT
 * and Lua 5.1 so is whatever a double does not hold. Written is a number that is a whole one and in the
 * type's range; an f32 rounds, and refuses what is finite and beyond its range.
 */
#ifndef BINDINGS_MEMORY_ARRAY_ELEMENT_H
#define BINDINGS_MEMORY_ARRAY_ELEMENT_H

#include "shared/typed_array.h"
#include "state/lua_compat.h"

/* [-0, +1] */
void array_element_push(lua_State *L, const struct array_element_type *t, uint64_t bits);
/* False, and a message is pushed that says what does not fit. [-0, +0|1] */
MUST_CHECK bool array_element_read(lua_State *L, int index, const struct array_element_type *t,
                                   uint64_t *bits);
/* a + b, where b is the number at `index`. As above. */
MUST_CHECK bool array_element_add(lua_State *L, const struct array_element_type *t, uint64_t a, int index,
                                  uint64_t *sum);
bool array_element_is_less(const struct array_element_type *t, uint64_t a, uint64_t b);

#endif
