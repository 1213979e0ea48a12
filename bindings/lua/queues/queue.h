/* SPDX-License-Identifier: MIT */
/* Queue: a ring of the segment as Lua sees it. The same object in every world. */
#ifndef BINDINGS_QUEUES_QUEUE_H
#define BINDINGS_QUEUES_QUEUE_H

#include "core/arguments.h"

/* Its metatable and its transfer. [-0, +0, raises] */
void queue_open(lua_State *L);
/* queue_new("Queue", "SimpleQueue" or "JoinableQueue", maxsize or nil, is_serial) [-0, +1, raises] */
int queue_new(lua_State *L);
/* queue_methods(name of the class) → its table of methods, for those in Lua. [-0, +1, raises] */
int queue_methods(lua_State *L);
/* queue_put_batch(queue, list, first, last) → the number of the element at which it stopped, or last + 1. It puts
 * scalars, which go as if each were put alone, as long as there is room. [-0, +1, raises] */
int queue_put_batch(lua_State *L);
/* queue_take_batch(queue, n [, first item]) → a list of at most n items: the first one, and the numbers, booleans and
 * nils that are there. [-0, +1, raises] */
int queue_take_batch(lua_State *L);

#endif
