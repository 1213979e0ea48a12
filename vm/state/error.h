/* SPDX-License-Identifier: MIT */
/* Errors of Lua: the text of one, and the one that says that memory has run out.
 *
 * C code says "not enough memory" in Lua's own words, so that a script sees one error, be it Lua's
 * allocation that failed or one of the runtime's.
 */
#ifndef STATE_ERROR_H
#define STATE_ERROR_H

#include "state/lua_compat.h"

/* Pushes the text of the error value at `index` as the stand-alone interpreter prints it: a string
 * or a number as it is, or the string that its __tostring gives; then true. For all else it pushes
 * "(error object is a table value)", and the result is false. [-0, +1, raises] */
bool error_push_text(lua_State *L, int index);

/* The text of the error that a protected call left on top of the stack; it runs no code of the
 * script's. [-0, +0] */
const char *error_text(lua_State *L);

/* Raises "not enough memory". It returns int for callers that end with it. [raises] */
NO_RETURN int error_raise_memory(lua_State *L);

/* Whether the error on top of the stack, for which a protected call gave `code`, says that memory
 * has run out: 5.4 gives LUA_ERRMEM for an error in its words, the others do not. [-0, +0] */
bool error_is_of_memory(lua_State *L, int code);

#endif
