/* SPDX-License-Identifier: MIT */
/* Errors of methods that a Lua function wraps (WAITING_CHUNK), in the 5.1 ABI: the positions and
 * names in messages skip the wrapper's frame, and the tail calls that PUC 5.1 counts as frames. */
#include "state/lua_compat.h"

#if LUA_VERSION_NUM < 503

#include <stdarg.h>
#include <string.h>

static bool is_around(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  return strcmp(ar->source, WAITING_CHUNK) == 0 || strcmp(ar->what, "tail") == 0;
}

/* Stores the frame of the caller's code in *ar and returns its level; 0: there is none. */
static int level_of_caller(lua_State *L, lua_Debug *ar) {
  for (int level = 1; lua_getstack(L, level, ar); level++)
    if (!is_around(L, ar)) return level;
  return 0;
}

/* Stores the frame of the function that the caller's code calls by name. */
static void find_callee(lua_State *L, lua_Debug *ar) {
  const int caller = level_of_caller(L, ar);
  if (caller == 0 || !lua_getstack(L, caller - 1, ar)) lua_getstack(L, 0, ar);
  lua_getinfo(L, "n", ar);
}

int compat_error(lua_State *L, const char *format, ...) {
  lua_Debug first, ar;
  const bool is_wrapped = lua_getstack(L, 1, &first) && is_around(L, &first);
  luaL_where(L, is_wrapped ? level_of_caller(L, &ar) : 1);
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  lua_concat(L, 2);
  return lua_error(L);
}

int compat_argerror(lua_State *L, int index, const char *message) {
  lua_Debug ar;
  find_callee(L, &ar);
  const char *name = ar.name ? ar.name : "?";
  const bool is_method = strcmp(ar.namewhat, "method") == 0;
  if (is_method && index == 1) return compat_error(L, "calling '%s' on bad self (%s)", name, message);
  return compat_error(L, "bad argument #%d to '%s' (%s)", is_method ? index - 1 : index, name, message);
}

int compat_typerror(lua_State *L, int index, const char *expected) {
  const char *message = lua_pushfstring(L, "%s expected, got %s", expected, luaL_typename(L, index));
  return compat_argerror(L, index, message);
}

lua_Number compat_checknumber(lua_State *L, int index) {
  if (!lua_isnumber(L, index)) compat_typerror(L, index, lua_typename(L, LUA_TNUMBER));
  return lua_tonumber(L, index);
}

void compat_checkany(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNONE) compat_argerror(L, index, "value expected");
}

void *compat_checkudata(lua_State *L, int index, const char *name) {
  void *data = luaL_testudata(L, index, name);
  if (!data) compat_typerror(L, index, name);
  return data;
}

#endif
