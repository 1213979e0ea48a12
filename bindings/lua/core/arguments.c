/* SPDX-License-Identifier: MIT */
#include "core/arguments.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/clock.h"
#include "os/status_text.h"
#include "shared/segment.h"
#include "state/caller.h"

const char *argument_shown(lua_State *L, int index) {
  const int type = lua_type(L, index);
  const bool is_nan = type == LUA_TNUMBER && lua_tonumber(L, index) != lua_tonumber(L, index);
  if (is_nan) return "nan";
  if (type == LUA_TSTRING && lua_isnumber(L, index))
    return lua_pushfstring(L, "%s (a string)", lua_tostring(L, index));
  const bool is_plain = type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN;
  return is_plain ? luaL_tolstring(L, index, NULL) : luaL_typename(L, index);
}

deadline argument_timeout(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return deadline_never();
  const bool is_number = lua_type(L, index) == LUA_TNUMBER;
  const lua_Number seconds = is_number ? lua_tonumber(L, index) : 0;
  if (!is_number || seconds != seconds)
    raise_refusal(L, "timeout: a number of seconds expected, got %s", argument_shown(L, index));
  return deadline_after(seconds);
}

int argument_exit_status(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return EXIT_SUCCESS;
  if (lua_isboolean(L, index)) return lua_toboolean(L, index) ? EXIT_SUCCESS : EXIT_FAILURE;
  return (int)luaL_checkinteger(L, index) & 0xff;
}

/* ---- lengths --------------------------------------------------------------------------------- */

/* Pushes the field `n`, or else the length; returns the name of what is pushed. */
static const char *push_length(lua_State *L, int index) {
  lua_getfield(L, index, "n");
  if (!lua_isnil(L, -1)) return "n";
  lua_pop(L, 1);
  lua_len(L, index);
  return "its length";
}

static void say_no_length(lua_State *L, const char *what, char why[LENGTH_TEXT_MAX]) {
  const char *wanted = "a whole number, 0 or more, expected";
  if (lua_type(L, -1) == LUA_TNUMBER)
    snprintf(why, LENGTH_TEXT_MAX, "%s: %s, got %.14g", what, wanted, (double)lua_tonumber(L, -1));
  else
    snprintf(why, LENGTH_TEXT_MAX, "%s: %s, got %s", what, wanted, luaL_typename(L, -1));
}

int list_length(lua_State *L, int index, char why[LENGTH_TEXT_MAX]) {
  luaL_checkstack(L, 4, NULL);
  const char *what = push_length(L, index);
  const double length = lua_type(L, -1) == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : -1;
  const bool is_whole = length >= 0 && floor(length) == length && length <= 0x1p63;
  if (!is_whole)
    say_no_length(L, what, why);
  else if (length > INT_MAX)
    snprintf(why, LENGTH_TEXT_MAX, "%s: %.14g are too many", what, length);
  lua_pop(L, 1);
  return is_whole && length <= INT_MAX ? (int)length : -1;
}

int list_argument_count(lua_State *L, int index, char why[LENGTH_TEXT_MAX]) {
  const int count = list_length(L, index, why);
  if (count <= 0 || (count < INT_MAX - LUA_MINSTACK && lua_checkstack(L, count + LUA_MINSTACK))) return count;
  snprintf(why, LENGTH_TEXT_MAX, "%d arguments are too many", count);
  return -1;
}

int list_length_call(lua_State *L) {
  char why[LENGTH_TEXT_MAX];
  luaL_checktype(L, 1, LUA_TTABLE);
  const int length = lua_toboolean(L, 2) ? list_argument_count(L, 1, why) : list_length(L, 1, why);
  if (length >= 0) {
    lua_pushinteger(L, length);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* ---- results --------------------------------------------------------------------------------- */

/* Whether the limit of the worker's own memory is the reason. */
static bool write_refusal(char *text, size_t size) {
  uint64_t used = 0;
  uint64_t limit = 0;
  if (!segment_refused(&used, &limit)) return false;
  snprintf(text, size, "%llu bytes of memory = %llu are in shared memory", (unsigned long long)used,
           (unsigned long long)limit);
  return true;
}

int return_failure(lua_State *L, status st) {
  char text[STATUS_TEXT_MAX];
  char refusal[100];
  lua_pushnil(L);
  if (st == -ENOMEM && write_refusal(refusal, sizeof refusal))
    lua_pushfstring(L, "ENOMEM: %s", refusal);
  else
    lua_pushstring(L, status_text(st, text));
  return 2;
}

static double gibibytes(uint64_t bytes) { return (double)bytes / (1 << 30); }

bool refusal_collected(lua_State *L, status st) {
  uint64_t used = 0;
  uint64_t limit = 0;
  if (st != -ENOMEM || !segment_refused(&used, &limit)) return false;
  lua_gc(L, LUA_GCCOLLECT, 0);
  return true;
}

int return_memory_failure(lua_State *L, status st, const char *object, uint64_t size) {
  if (st != -ENOMEM) return return_failure(L, st);
  char text[200];
  uint64_t used = 0;
  uint64_t most = 0;
  char reason[100];
  segment_memory(&used, &most);
  if (!write_refusal(reason, sizeof reason))
    snprintf(reason, sizeof reason, "%.2f GiB of %.2f GiB shared memory are in use", gibibytes(used),
             gibibytes(most));
  snprintf(text, sizeof text, "ENOMEM: %s%sno memory for %llu bytes; %s", object ? object : "",
           object ? ": " : "", (unsigned long long)size, reason);
  lua_pushnil(L);
  lua_pushstring(L, text);
  return 2;
}

int return_status(lua_State *L, status st) {
  if (st) return return_failure(L, st);
  lua_pushboolean(L, 1);
  return 1;
}

static int handle_tostring(lua_State *L) {
  lua_pushfstring(L, "%s: %p", lua_tostring(L, lua_upvalueindex(1)), lua_touserdata(L, 1));
  return 1;
}

bool class_push(lua_State *L, const struct handle_class *class) {
  if (!luaL_newmetatable(L, class->key)) return false;
  lua_newtable(L);
  caller_set_functions(L, class->methods, class->name);
  if (class->more) caller_set_functions(L, class->more, class->name);
  if (class->waiting) waiting_set_methods(L, class->waiting, class->name);
  caller_push_function(L, class->close, class->name, "close");
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "__close");
  lua_setfield(L, -2, "close");
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, class->name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, class->name);
  lua_pushcclosure(L, handle_tostring, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushcfunction(L, class->collect);
  lua_setfield(L, -2, "__gc");
  if (class->waitable) class_set_pointer(L, WAITABLE_FIELD, class->waitable);
  return true;
}

void class_set_pointer(lua_State *L, const char *field, const void *pointer) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)pointer);
  lua_setfield(L, -2, field);
}

void *class_check(lua_State *L, int index, const struct handle_class *class) {
  void *data = luaL_testudata(L, index, class->key);
  if (!data) raise_type(L, index, class->name);
  return data;
}
