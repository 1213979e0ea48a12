/* SPDX-License-Identifier: MIT */
/* The arguments of PriorityQueue:put, and the key by which a queue sorts.
 *
 *     put(item, timeout)                 the item is its own priority, or the first one of a list is
 *     put(item, { priority =, timeout = })
 *
 * A priority is a number or a string; the least one is taken first, and numbers come before strings.
 *
 *     key := 1 | the double at or below the number, 8 bytes that compare as it does | the rest, 2 bytes
 *          | 2 | the bytes of the string
 */
#ifndef BINDINGS_QUEUES_PRIORITY_H
#define BINDINGS_QUEUES_PRIORITY_H

#include "shared/ring.h"
#include "state/lua_compat.h"

enum { PRIORITY_KEY = 4 }; /* the index of the key */

/* Reads (handle, item, timeout or options) and leaves (handle, item, timeout, key), the key as a string.
 * [-n, +4, raises] */
void priority_arguments(lua_State *L);
/* The key that priority_arguments left. The string stays on the stack. [-0, +0, does not raise] */
struct ring_key priority_key(lua_State *L);

#endif
