/* SPDX-License-Identifier: MIT */
/* The queues of the world `threads`: what is put is what is got, the very same object, for all
 * threads are in one VM.
 *
 * The values are in a table, the userdata's companion (state/lua_compat.h), so that cycles through
 * a queue can be collected. The VM's lock protects everything but the events, on which waiting
 * threads sleep without it.
 */
#ifndef BINDINGS_QUEUES_LOCAL_QUEUE_H
#define BINDINGS_QUEUES_LOCAL_QUEUE_H

#include "state/vm.h"

/* local_queue_new("Queue", "SimpleQueue" or "JoinableQueue", maxsize or nil, is_of_pipe). The `get` of a pipe's queue takes
 * the name of the script's call as its last argument. [-0, +1, raises] */
int local_queue_new(lua_State *L);
/* local_queue_methods(name of the class) → its table of methods, for those in Lua. [-0, +1, raises] */
int local_queue_methods(lua_State *L);
/* Registers the classes, and that they do not travel, once in each VM. [-0, +0, memory] */
void local_queue_open(lua_State *L);
/* The thread has ended: what it took from joinable queues and did not report is
 * abandoned. [-0, +0, memory] */
void local_queue_forget_thread(lua_State *L, const struct vm_thread *t);

#endif
