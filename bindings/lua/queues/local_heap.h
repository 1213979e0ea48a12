/* SPDX-License-Identifier: MIT */
/* The values of a PriorityQueue in one VM: a binary heap of entries in a list, sorted by their keys
 * (queues/priority.h) and, where these are equal, in the order in which they were added. Under the
 * VM's lock. */
#ifndef BINDINGS_QUEUES_LOCAL_HEAP_H
#define BINDINGS_QUEUES_LOCAL_HEAP_H

#include "state/lua_compat.h"

/* Adds the value on top, with the key at index `key`, to the list below it, which has `count` entries. `number`
 * rises with each that is added. [-1, +0, memory] */
void local_heap_add(lua_State *L, int key, lua_Integer count, lua_Integer number);
/* Takes the first of the entries of the list on top, which has `count`, one at least. Pushes its value; returns its
 * number. [-0, +1, memory] */
lua_Integer local_heap_take(lua_State *L, lua_Integer count);

#endif
