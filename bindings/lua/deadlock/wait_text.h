/* SPDX-License-Identifier: MIT */
/* Waits of the wait graph (shared/wait_graph.h) in words: how a waiter describes its wait there, and how a message names
 * it.
 */
#ifndef BINDINGS_CORE_WAIT_TEXT_H
#define BINDINGS_CORE_WAIT_TEXT_H

#include "shared/wait_graph.h"
#include "state/lua_compat.h"

/* Sets process, thread, time, name, place and stack of the calling thread's wait. [-0, +0, memory] */
void wait_text_describe(lua_State *L, struct wait_description *d);
/* The same of a task, whose coroutine and name the caller knows; it has no thread of its own. Does not raise. */
void wait_text_describe_task(lua_State *of, const char *name, struct wait_description *d);
/* Its place and stack alone. Does not raise. */
void wait_text_locate(lua_State *of, struct wait_description *d);

/* One line of a deadlock for each waiter, and its stack: what it holds, and what it waits for; in all a string.
 * [-0, +1, memory] */
void wait_text_push_cycle(lua_State *L, const struct wait_cycle *c);
/* "waits for Lock". */
void wait_text_write_target(const struct wait_description *d, char *text, size_t size);
/* "PoolWorker-1 (process 12) waits for Lock at script.lua:3". */
void wait_text_write(const struct wait_description *d, char *text, size_t size);

/* set_waiter_namer(f): f() → the name of the calling task or thread. [-0, +0, raises] */
int wait_text_set_namer(lua_State *L);
/* fill(L, d) sets what the calling thread holds for reading. [-0, +0, memory] */
typedef void (*wait_text_fill)(lua_State *L, struct wait_description *d);
void wait_text_set_shares(lua_State *L, wait_text_fill fill);

#endif
