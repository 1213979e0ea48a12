/* SPDX-License-Identifier: MIT */
/* Lua errors: the text of an error value, and the error "not enough memory".
 *
 * The runtime raises "not enough memory" with the text of Lua, so that a script gets the same error
 * whichever allocation failed.
 */
#ifndef STATE_ERROR_H
#define STATE_ERROR_H

#include "state/lua_compat.h"

/* Pushes the text of the error value at `index` as the stand-alone interpreter prints it: a string
 * or a number as it is, or the result of its __tostring. False: the value has no text, or its
 * __tostring failed, and "(error object is a table value)" was pushed. [-0, +1, memory] */
bool error_push_text(lua_State *L, int index);

/* The text of the error that a protected call left on top of the stack. Runs no code of the script;
 * the text lives as long as the error is on the stack. [-0, +0] */
const char *error_text(lua_State *L);

/* Raises "not enough memory". Declared int, so that callers can return it. [raises] */
NO_RETURN int error_raise_memory(lua_State *L);

/* Whether the error on top of the stack means that memory has run out; `code` is the result of the
 * protected call. Only 5.4 gives LUA_ERRMEM for an error with that text. [-0, +0] */
bool error_is_of_memory(lua_State *L, int code);

#endif
