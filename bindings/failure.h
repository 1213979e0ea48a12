/* SPDX-License-Identifier: MIT */
/* Errors as plain data: what a worker sends when a call failed.
 *
 * A failure is a table { kind, message, traceback, worker, value } where `value`, a string, is the error
 * value encoded as a message of its own, or absent where it cannot be sent: it is decoded apart, so that it
 * never costs the rest.
 */
#ifndef BINDINGS_FAILURE_H
#define BINDINGS_FAILURE_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* A message handler for lua_pcall: turns the error value into a failure of kind "error". [-1, +1, raises] */
int failure_handler(lua_State *L);
/* The same for an error met while encoding or decoding: kind "unsendable". Replaces the message on top. [-1,
 * +1, raises] */
void failure_unsendable(lua_State *L);
/* Writes the failure on top to stderr, once, with the worker's name. [-0, +0, raises] */
void failure_report(lua_State *L, const char *name);
/* The exit code of a worker whose function failed with the error on top, which is told; what a stop raised is
 * no error of the script's. */
int failure_judge(lua_State *L, const struct vm_thread *self);

#endif
