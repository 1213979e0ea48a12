/* SPDX-License-Identifier: MIT */
/* The field `maxsize` of queues: 0 in the methods of their class, and in a variant for each bound (variants.h). */
#ifndef BINDINGS_QUEUES_MAXSIZE_H
#define BINDINGS_QUEUES_MAXSIZE_H

#include "state/lua_compat.h"

/* Gives the table of methods on top the field of queues without a bound. [-0, +0, memory] */
void maxsize_declare(lua_State *L);
/* Gives it to the new queue on top, which has the metatable of its class; 0: no bound. [-0, +0, memory] */
void maxsize_set(lua_State *L, lua_Integer maxsize);

#endif
