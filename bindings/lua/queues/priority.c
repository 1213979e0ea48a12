/* SPDX-License-Identifier: MIT */
#include "queues/priority.h"

#include "core/arguments.h"
#include "state/raise.h"

enum { ITEM = 2, TIMEOUT = 3, KEY = PRIORITY_KEY }; /* places on the stack */

enum { KEY_OF_NUMBER = 1, KEY_OF_STRING = 2, NUMBER_KEY_SIZE = 11 };

static void put_big_endian(uint8_t *at, uint64_t value, int size) {
  for (int i = size - 1; i >= 0; i--, value >>= 8) at[i] = (uint8_t)value;
}

/* Bits that compare as the numbers do; both zeros are one. */
static uint64_t ordered_bits(double number) {
  const double one_zero = number + 0.0;
  uint64_t bits;
  memcpy(&bits, &one_zero, sizeof bits);
  return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* The double at or below an integer; *rest is how far below. */
static double floor_of(int64_t integer, uint64_t *rest) {
  double below = (double)integer;
  if (below >= 0x1p63 || (int64_t)below > integer) below = nextafter(below, -INFINITY);
  *rest = (uint64_t)integer - (uint64_t)(int64_t)below;
  return below;
}

/* Replaces the number on top by its key. */
static void make_number_key(lua_State *L) {
  uint64_t rest = 0;
  const bool is_integer = LUA_HAS_INTEGERS && lua_isinteger(L, -1);
  const double number =
      is_integer ? floor_of((int64_t)lua_tointeger(L, -1), &rest) : (double)lua_tonumber(L, -1);
  uint8_t key[NUMBER_KEY_SIZE] = {KEY_OF_NUMBER};
  put_big_endian(key + 1, ordered_bits(number), 8);
  put_big_endian(key + 9, rest, 2);
  lua_pop(L, 1);
  lua_pushlstring(L, (const char *)key, sizeof key);
}

static void make_string_key(lua_State *L) {
  const char kind = KEY_OF_STRING;
  lua_pushlstring(L, &kind, 1);
  lua_insert(L, -2);
  lua_concat(L, 2);
}

static bool is_priority(lua_State *L, int index) {
  const int type = lua_type(L, index);
  return type == LUA_TSTRING || (type == LUA_TNUMBER && lua_tonumber(L, index) == lua_tonumber(L, index));
}

/* Pushes the item, or the first one of a list. */
static void push_own_priority(lua_State *L) {
  if (lua_istable(L, ITEM))
    lua_rawgeti(L, ITEM, 1);
  else
    lua_pushvalue(L, ITEM);
  if (is_priority(L, -1)) return;
  const char *shown = argument_shown(L, ITEM);
  luaL_argerror(L, ITEM,
                lua_pushfstring(L,
                                "a number, a string, or a list that begins with one expected, got %s; "
                                "for another item, give { priority = … } as argument 2",
                                shown));
}

static void refuse_other_options(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, TIMEOUT)) {
    lua_pop(L, 1);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
    if (strcmp(name, "priority") != 0 && strcmp(name, "timeout") != 0)
      luaL_argerror(L, TIMEOUT,
                    lua_pushfstring(L, "unknown option '%s'; there are priority and timeout", name));
  }
}

/* Pushes the priority of the options, nil if they have none, and puts their timeout in their place. */
static void read_options(lua_State *L) {
  refuse_other_options(L);
  lua_getfield(L, TIMEOUT, "priority");
  if (!lua_isnil(L, -1) && !is_priority(L, -1))
    luaL_argerror(
        L, TIMEOUT,
        lua_pushfstring(L, "priority: a number or a string expected, got %s", argument_shown(L, -1)));
  lua_getfield(L, TIMEOUT, "timeout");
  lua_replace(L, TIMEOUT);
}

void priority_arguments(lua_State *L) {
  luaL_checkany(L, ITEM);
  lua_settop(L, TIMEOUT);
  if (lua_istable(L, TIMEOUT))
    read_options(L);
  else
    lua_pushnil(L);
  if (lua_isnil(L, KEY)) {
    lua_settop(L, TIMEOUT);
    push_own_priority(L);
    lua_settop(L, KEY);
  }
  if (lua_type(L, KEY) == LUA_TNUMBER)
    make_number_key(L);
  else
    make_string_key(L);
  if (lua_rawlen(L, KEY) > INT32_MAX) luaL_argerror(L, ITEM, "its priority is a string that is too long");
}

struct ring_key priority_key(lua_State *L) {
  size_t size;
  const char *bytes = lua_tolstring(L, KEY, &size);
  return (struct ring_key){bytes, (uint32_t)size};
}
