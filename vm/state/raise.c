/* SPDX-License-Identifier: MIT */
#include "state/raise.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "state/caller.h"
#include "state/library.h"

/* ---- the form -------------------------------------------------------------------------------- */

int raise_error(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  caller_push_place(L);
  lua_insert(L, -2);
  lua_concat(L, 2);
  return lua_error(L);
}

static const char maker_key = 'm'; /* its address is the key; never written */

int raise_set_maker(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &maker_key);
  return 0;
}

void raise_kind(lua_State *L, const char *kind) {
  caller_push_place(L);
  lua_insert(L, -2);
  lua_concat(L, 2);
  if (library_require(L)) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &maker_key);
    lua_pushstring(L, kind);
    lua_pushvalue(L, -3);
    lua_call(L, 2, 1);
  }
  lua_error(L);
  __builtin_unreachable();
}

int raise_refusal(lua_State *L, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  caller_name_in(L);
  return lua_error(L);
}

int raise_argument(lua_State *L, int index, const char *text) {
  const int place = caller_is_method(L) ? index - 1 : index;
  if (place == 0) return raise_refusal(L, "%s", text);
  return raise_refusal(L, "argument %d: %s", place, text);
}

/* ---- types ----------------------------------------------------------------------------------- */

/* "an RLock", because the letter is spelled. */
static const char *article_of(const char *noun) {
  const bool is_spelled = *noun == 'R' && isupper((unsigned char)noun[1]);
  return is_spelled || strchr("aeiouAEIO", *noun) ? "an" : "a";
}

/* The method was called on something else, mostly with a dot for the colon. */
static int raise_handle(lua_State *L) {
  caller_push_name(L);
  size_t size = 0;
  const char *name = lua_tolstring(L, -1, &size);
  const char *colon = strchr(name, ':');
  lua_pushlstring(L, name, (size_t)(colon - name));
  lua_pushlstring(L, colon + 1, size - (size_t)(colon - name) - sizeof ":: " + 1);
  const char *class = lua_tostring(L, -2);
  const char *method = lua_tostring(L, -1);
  caller_push_variable(L, class);
  return raise_refusal(L, "%s %s expected, got %s (use %s:%s(…), with a colon)", article_of(class), class,
                       luaL_typename(L, 1), lua_tostring(L, -1), method);
}

int raise_type(lua_State *L, int index, const char *expected) {
  if (index == 1 && caller_is_method(L)) return raise_handle(L);
  return raise_argument(
      L, index,
      lua_pushfstring(L, "%s %s expected, got %s", article_of(expected), expected, luaL_typename(L, index)));
}

void raise_unless_type(lua_State *L, int index, int type) {
  if (lua_type(L, index) != type) raise_type(L, index, lua_typename(L, type));
}

void raise_unless_any(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNONE) raise_argument(L, index, "a value expected");
}

void raise_unless_room(lua_State *L, int count, const char *what) {
  if (lua_checkstack(L, count)) return;
  if (what) raise_refusal(L, "stack overflow (%s)", what);
  raise_refusal(L, "stack overflow");
}

lua_Number raise_or_number(lua_State *L, int index) {
  if (!lua_isnumber(L, index)) raise_type(L, index, lua_typename(L, LUA_TNUMBER));
  return lua_tonumber(L, index);
}

lua_Number raise_or_optional_number(lua_State *L, int index, lua_Number usual) {
  return lua_isnoneornil(L, index) ? usual : raise_or_number(L, index);
}

lua_Integer raise_or_integer(lua_State *L, int index) {
  const lua_Number number = raise_or_number(L, index);
  if (floor(number) != number || fabs(number) >= 0x1p63)
    raise_argument(L, index, lua_pushfstring(L, "a whole number expected, got %f", number));
  return lua_tointeger(L, index);
}

lua_Integer raise_or_optional_integer(lua_State *L, int index, lua_Integer usual) {
  return lua_isnoneornil(L, index) ? usual : raise_or_integer(L, index);
}

const char *raise_or_text(lua_State *L, int index, size_t *size) {
  const char *text = lua_tolstring(L, index, size);
  if (!text) raise_type(L, index, lua_typename(L, LUA_TSTRING));
  return text;
}

const char *raise_or_optional_text(lua_State *L, int index, const char *usual, size_t *size) {
  if (!lua_isnoneornil(L, index)) return raise_or_text(L, index, size);
  if (size) *size = usual ? strlen(usual) : 0;
  return usual;
}

int raise_or_option(lua_State *L, int index, const char *usual, const char *const names[]) {
  const char *name = usual ? raise_or_optional_text(L, index, usual, NULL) : raise_or_text(L, index, NULL);
  for (int i = 0; names[i]; i++)
    if (strcmp(names[i], name) == 0) return i;
  return raise_argument(L, index, lua_pushfstring(L, "'%s' is none of those there are", name));
}

void *raise_or_userdata(lua_State *L, int index, const char *key) {
  void *data = luaL_testudata(L, index, key);
  const char *dot = strrchr(key, '.');
  if (!data) raise_type(L, index, dot ? dot + 1 : key);
  return data;
}
