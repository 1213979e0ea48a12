/* SPDX-License-Identifier: MIT */
#include "queues/local_heap.h"

enum { VALUE = 1, KEY = 2, NUMBER = 3, FIELDS = 3 }; /* of an entry */

static int compare_keys(lua_State *L, int a, int b) {
  lua_rawgeti(L, a, KEY);
  lua_rawgeti(L, b, KEY);
  size_t left_size;
  size_t right_size;
  const char *left = lua_tolstring(L, -2, &left_size);
  const char *right = lua_tolstring(L, -1, &right_size);
  const int order = memcmp(left, right, left_size < right_size ? left_size : right_size);
  lua_pop(L, 2);
  return order ? order : (left_size > right_size) - (left_size < right_size);
}

static lua_Integer number_of(lua_State *L, int entry) {
  lua_rawgeti(L, entry, NUMBER);
  const lua_Integer number = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

/* Of two entries on the stack. */
static bool is_before(lua_State *L, int a, int b) {
  const int order = compare_keys(L, a, b);
  return order ? order < 0 : number_of(L, a) < number_of(L, b);
}

/* Places the entry on top, from the end of the list on upwards. */
static void move_up(lua_State *L, int list, lua_Integer place) {
  const int entry = lua_gettop(L);
  while (place > 1) {
    lua_rawgeti(L, list, (int)(place / 2));
    if (!is_before(L, entry, entry + 1)) break;
    lua_rawseti(L, list, (int)place);
    place /= 2;
  }
  lua_settop(L, entry);
  lua_rawseti(L, list, (int)place);
}

/* Places the entry on top, from the beginning of the list on downwards. */
static void move_down(lua_State *L, int list, lua_Integer count) {
  const int entry = lua_gettop(L);
  lua_Integer place = 1;
  for (lua_Integer child = 2; child <= count; child = 2 * place) {
    lua_rawgeti(L, list, (int)child);
    if (child < count) {
      lua_rawgeti(L, list, (int)child + 1);
      if (is_before(L, entry + 2, entry + 1)) {
        lua_replace(L, entry + 1);
        child++;
      }
      lua_settop(L, entry + 1);
    }
    if (!is_before(L, entry + 1, entry)) break;
    lua_rawseti(L, list, (int)place);
    place = child;
  }
  lua_settop(L, entry);
  lua_rawseti(L, list, (int)place);
}

void local_heap_add(lua_State *L, int key, lua_Integer count, lua_Integer number) {
  const int list = lua_gettop(L) - 1;
  lua_createtable(L, FIELDS, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, VALUE);
  lua_pushvalue(L, key);
  lua_rawseti(L, -2, KEY);
  lua_pushinteger(L, number);
  lua_rawseti(L, -2, NUMBER);
  move_up(L, list, count + 1);
}

lua_Integer local_heap_take(lua_State *L, lua_Integer count) {
  const int list = lua_gettop(L);
  lua_rawgeti(L, list, 1);
  const lua_Integer number = number_of(L, list + 1);
  lua_rawgeti(L, list, (int)count);
  lua_pushnil(L);
  lua_rawseti(L, list, (int)count);
  if (count > 1)
    move_down(L, list, count - 1);
  else
    lua_pop(L, 1);
  lua_rawgeti(L, -1, VALUE);
  lua_remove(L, -2);
  return number;
}
