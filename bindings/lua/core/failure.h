/* SPDX-License-Identifier: MIT */
/* Errors as plain data: what a worker sends when a call failed.
 *
 * A failure is a table { kind, message, traceback, worker, value } where `value`, a string, is the error
 * value encoded as a message of its own, or absent where it cannot be sent: it is decoded apart, so that it
 * never costs the rest.
 */
#ifndef BINDINGS_CORE_FAILURE_H
#define BINDINGS_CORE_FAILURE_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* A message handler for lua_pcall: turns the error value into a failure of kind "error". [-1, +1, raises] */
int failure_handler(lua_State *L);
/* The same for an error met while encoding or decoding: kind "unsendable". Replaces the message on
 * top. [-1, +1, raises] */
void failure_unsendable(lua_State *L);
/* Where Lua gave the handler no chance, for want of memory, the error on top becomes a failure; what was too
 * much is garbage by now, and is collected. [-1, +1, raises] */
void failure_complete(lua_State *L);
/* Writes the failure on top to stderr, once, with the worker's name. [-0, +0, raises] */
void failure_report(lua_State *L, const char *name);
/* The exit code of a worker whose function failed with the error on top, which is reported; what a
 * stop raised is no error of the script's. */
int failure_judge(lua_State *L, const struct vm_thread *self);

/* stack_of_caller(last) → the calls beneath the caller, without those of our own Lua code, in the manner of
 * debug.traceback, which takes ten times as long because it looks for the names of library functions. `last`
 * if that says the same, so that many tasks of one place share a string. */
int stack_of_caller(lua_State *L);

#endif
