/* SPDX-License-Identifier: MIT */
/* What is meant by a method that an object of this library does not have: "attempt to call a nil value (method 'mapp'): did
 * you mean 'map'?".
 *
 * An absent name of an object stays nil, because scripts ask for names to find out what they have (`if x.clone then`), and
 * many are a letter away from a method. So nothing is said when the name is read. Where an error is about to be shown, or
 * sent, the frame that raised it is still there, and the object is in it.
 */
#ifndef STATE_METHOD_HINT_H
#define STATE_METHOD_HINT_H

#include "state/lua_compat.h"

/* Adds the hint to the error on top, which code under `level` of the stack of `of` has raised, if there is one.
 * [-1, +1, memory] */
void method_hint_add(lua_State *L, lua_State *of, int level);

#endif
