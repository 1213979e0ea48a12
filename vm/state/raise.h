/* SPDX-License-Identifier: MIT */
/* Errors of C functions, in the one form of the library (core/checks.lua has the same for Lua):
 *
 *     script.lua:12: Queue:get: timeout: a number of seconds expected, got string
 *     place          function   argument, as the reference calls it; "argument 2" where it has no name
 *
 * The place is that of the script's call (state/caller.h). The functions of Lua's auxiliary library that raise for wrong
 * arguments have this form in all files that include this one, under their own names.
 */
#ifndef STATE_RAISE_H
#define STATE_RAISE_H

#include "state/lua_compat.h"

#include "base/annotations.h"

/* "place text": for a text that names the function. [raises] */
int raise_error(lua_State *L, const char *format, ...);
/* Raises an mm.Error of that kind ("deadlock"), whose message is "place text", for the text on top. A VM without
 * libraries gets the text. [-1, raises] */
NO_RETURN void raise_kind(lua_State *L, const char *kind);
/* set_error_maker(f): f(kind, message) → an mm.Error (bindings/lua/core/errors.lua). [-0, +0, raises] */
int raise_set_maker(lua_State *L);
/* "place function: text". [raises] */
int raise_refusal(lua_State *L, const char *format, ...);
/* "place function: argument N: text". The handle of a method is none of its arguments. [raises] */
int raise_argument(lua_State *L, int index, const char *text);
/* The same with "number expected, got nil"; for the handle of a method, a hint at the colon. [raises] */
int raise_type(lua_State *L, int index, const char *expected);

/* As the functions of the auxiliary library. [-0, +0, raises] */
void raise_unless_type(lua_State *L, int index, int type);
void raise_unless_any(lua_State *L, int index);
void raise_unless_room(lua_State *L, int count, const char *what);
lua_Number raise_or_number(lua_State *L, int index);
lua_Number raise_or_optional_number(lua_State *L, int index, lua_Number usual);
lua_Integer raise_or_integer(lua_State *L, int index);
lua_Integer raise_or_optional_integer(lua_State *L, int index, lua_Integer usual);
const char *raise_or_text(lua_State *L, int index, size_t *size);
const char *raise_or_optional_text(lua_State *L, int index, const char *usual, size_t *size);
int raise_or_option(lua_State *L, int index, const char *usual, const char *const names[]);
void *raise_or_userdata(lua_State *L, int index, const char *key);

#define luaL_error        raise_error
#define luaL_argerror     raise_argument
#define luaL_typeerror    raise_type
#define luaL_checktype    raise_unless_type
#define luaL_checkany     raise_unless_any
#define luaL_checkstack   raise_unless_room
#define luaL_checknumber  raise_or_number
#define luaL_optnumber    raise_or_optional_number
#define luaL_checkinteger raise_or_integer
#define luaL_optinteger   raise_or_optional_integer
#define luaL_checklstring raise_or_text
#define luaL_optlstring   raise_or_optional_text
#define luaL_checkoption  raise_or_option
#define luaL_checkudata   raise_or_userdata

#endif
