/* SPDX-License-Identifier: MIT */
/* A worker in a sandbox: what it asks its guard for (process/guard.h), and what its Lua does
 * without.
 *
 * A pool worker (pool/pool_worker.c) calls these functions in the place of its pool's rings;
 * pool/pool_guard.c is the other side. */
#ifndef BINDINGS_WORKER_GUARDED_H
#define BINDINGS_WORKER_GUARDED_H

#include "shared/ring.h"
#include "state/lua_compat.h"
#include "state/vm.h"

/* Takes a task into `inbox`, which *message then names. STATUS_CLOSED: there are no more.
 * [-0, +0, raises a stop] */
MUST_CHECK status guarded_take(lua_State *L, struct bytes *inbox, struct ring_message *message)
    REQUIRES(rank_vm);
/* Fetches into `text` the message of a value that the parent keeps at this place for the task.
 * [-0, +0, raises] */
void guarded_fetch(lua_State *L, block_ref place, struct bytes *text) REQUIRES(rank_vm);
/* Sends an answer: an envelope, and the values from `first` to the top, called `what` as for
 * transfer_encode. Returns the size of their message. [-0, +0, raises] */
size_t guarded_answer(lua_State *L, const void *envelope, size_t envelope_size, int first, const char *what);
/* Publishes the item that runs. */
void guarded_note(uint32_t item);
/* The same, and asks whether the item may begin. [-0, +0, raises a stop] */
bool guarded_may_begin(lua_State *L, uint32_t item) REQUIRES(rank_vm);

/* os.execute and io.popen return why they cannot work. [-0, +0, memory] */
void guarded_refuse_programs(lua_State *L);

#endif
