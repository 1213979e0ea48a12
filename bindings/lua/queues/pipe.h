/* SPDX-License-Identifier: MIT */
/* Connection: one end of a Pipe. */
#ifndef BINDINGS_QUEUES_PIPE_H
#define BINDINGS_QUEUES_PIPE_H

#include "core/arguments.h"

/* Registers the class and its transfer, once in each VM. [-0, +0, memory] */
void connection_open(lua_State *L);
/* pipe_new(is_duplex, is_serial) → two connections; of a one-way pipe the first receives, the
 * second sends. [-0, +2, raises] */
int pipe_new(lua_State *L);

#endif
