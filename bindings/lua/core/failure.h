/* SPDX-License-Identifier: MIT */
/* Failures: errors as plain data, which a worker sends when a call failed.
 *
 * A failure is a table { kind, message, traceback, worker, value }. `value` is the error value,
 * encoded as a message of its own in a string; absent if it cannot be sent. The receiver decodes it
 * separately, so a value that cannot be decoded does not lose the rest.
 */
#ifndef BINDINGS_CORE_FAILURE_H
#define BINDINGS_CORE_FAILURE_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* A message handler for lua_pcall: turns the error value into a failure of kind "error".
 * [-1, +1, raises] */
int failure_handler(lua_State *L);
/* Replaces the error value on top, raised by encoding or decoding, by a failure of kind
 * "unsendable". [-1, +1, raises] */
void failure_unsendable(lua_State *L);
/* Replaces the error value on top by a failure, unless it is one. Lua calls no handler when memory
 * runs out; the memory is garbage by now, so it is collected first. [-1, +1, raises] */
void failure_complete(lua_State *L);
/* Writes the failure on top to stderr, with the worker's name. [-0, +0, raises] */
void failure_report(lua_State *L, const char *name) REQUIRES(rank_vm);
/* The exit code of a worker whose function failed with the error on top. Reports the error,
 * unless a stop raised it. [-1|0, +0|1, does not raise] */
int failure_judge(lua_State *L, const struct vm_thread *self);

/* stack_of_caller(last) → a traceback of the caller, without the library's own functions; `last`
 * if it is equal, so that tasks spawned at one place share a string. debug.traceback takes ten
 * times as long, because it searches for the names of library functions. [-0, +1, raises] */
int stack_of_caller(lua_State *L);

#endif
