/* SPDX-License-Identifier: MIT */
/* Fields of handles that differ from one handle of a class to another.
 *
 * A handle without a variant has the metatable of its class. A variant is a copy of that metatable, one for each number,
 * whose methods are those of the class and some fields. So neither a method nor a field is found by a call. */
#ifndef BINDINGS_QUEUES_VARIANTS_H
#define BINDINGS_QUEUES_VARIANTS_H

#include "state/lua_compat.h"

/* Sets the fields of variant `number` in the table on top. [-0, +0, memory] */
typedef void (*variant_fill)(lua_State *L, lua_Integer number);
/* Gives the handle on top that variant of its class. [-0, +0, memory] */
void variant_set(lua_State *L, lua_Integer number, variant_fill fill);

#endif
