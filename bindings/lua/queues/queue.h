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

#endif
