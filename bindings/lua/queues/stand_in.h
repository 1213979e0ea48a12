/* SPDX-License-Identifier: MIT */
/* Stand-ins: the queues of the program in a sandboxed worker.
 *
 * A stand-in has the reference of a queue and its methods; each method asks the guard
 * (process/guard.h), which does the same on the queue. It is made where a message names a queue, and
 * cannot be sent. A task that waits for a stand-in holds up the other tasks of its thread. */
#ifndef BINDINGS_QUEUES_STAND_IN_H
#define BINDINGS_QUEUES_STAND_IN_H

#include "state/lua_compat.h"

/* In the place of queue_open in a sandboxed worker. [-0, +0, raises] */
void stand_in_open(lua_State *L);

#endif
