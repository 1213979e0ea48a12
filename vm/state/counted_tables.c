/* SPDX-License-Identifier: MIT */
/* table.concat, insert, remove, move and sort. With metamethods, as in 5.3 and later, a list can have any
 * length, and no element; 5.1 and LuaJIT read tables as they are, and LuaJIT's insert, remove and move are
 * Lua functions, which hooks stop. */
#include <limits.h>
#include <stdint.h>

#include "state/counted.h"
#include "state/lua_compat.h"
#include "state/vm_interrupt.h"

/* ---- lists ----------------------------------------------------------------------------------- */

static bool has_metamethod(lua_State *L, int index, const char *name) {
  if (!luaL_getmetafield(L, index, name)) return false;
  lua_pop(L, 1);
  return true;
}

/* A table, or something else that can be read and written like one. */
enum list_use { READ = 1, WRITTEN = 2, MEASURED = 4 };
static void check_list(lua_State *L, int index, int use) {
  if (lua_istable(L, index)) return;
  const bool is_like_one = LUA_HAS_INTEGERS && (!(use & READ) || has_metamethod(L, index, "__index")) &&
                           (!(use & WRITTEN) || has_metamethod(L, index, "__newindex")) &&
                           (!(use & MEASURED) || has_metamethod(L, index, "__len"));
  if (!is_like_one || !lua_getmetatable(L, index)) luaL_checktype(L, index, LUA_TTABLE);
  lua_pop(L, 1);
}

/* list[to] = list[from] */
static void copy(lua_State *L, struct vm *vm, lua_Integer from, lua_Integer to) {
  enum { STEPS_OF_A_COPY = 16 };
  lua_getelement(L, 1, from);
  lua_setelement(L, 1, to);
  vm_steps(L, vm, STEPS_OF_A_COPY);
}

/* ---- concat ---------------------------------------------------------------------------------- */

static void add_element(lua_State *L, luaL_Buffer *b, lua_Integer i) {
  lua_getelement(L, 1, i);
  if (!lua_isstring(L, -1)) {
    lua_pushinteger(L, i);
    luaL_error(L, "invalid value (%s) at index %s in table for 'concat'", luaL_typename(L, -2),
               lua_tostring(L, -1));
  }
  luaL_addvalue(b);
}

/* (list, separator, first, last) */
static int table_concat(lua_State *L) {
  enum { STEPS_OF_AN_ELEMENT = 32 };
  struct vm *vm = vm_of(L);
  size_t size = 0;
  check_list(L, 1, READ | MEASURED);
  const char *separator = luaL_optlstring(L, 2, "", &size);
  lua_Integer i = luaL_optinteger(L, 3, 1);
  const lua_Integer last = lua_isnoneornil(L, 4) ? lua_listlength(L, 1) : luaL_checkinteger(L, 4);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; i < last; i++) {
    add_element(L, &b, i);
    luaL_addlstring(&b, separator, size);
    vm_steps(L, vm, STEPS_OF_AN_ELEMENT);
  }
  if (i == last) add_element(L, &b, i);
  luaL_pushresult(&b);
  return 1;
}

/* ---- insert, remove, move -------------------------------------------------------------------- */

/* (list, [place,] value) */
static int table_insert(lua_State *L) {
  check_list(L, 1, READ | WRITTEN | MEASURED);
  const uint64_t behind = (uint64_t)lua_listlength(L, 1) + 1;
  const lua_Integer end = (lua_Integer)behind;
  const int count = lua_gettop(L);
  if (count != 2 && count != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  const lua_Integer place = count == 2 ? end : luaL_checkinteger(L, 2);
  luaL_argcheck(L, (uint64_t)place - 1U < (uint64_t)end, 2, "position out of bounds");
  struct vm *vm = place < end ? vm_of(L) : NULL;
  for (lua_Integer i = end; i > place; i--) copy(L, vm, i - 1, i);
  lua_settop(L, count);
  lua_setelement(L, 1, place);
  return 0;
}

/* (list, place) */
static int table_remove(lua_State *L) {
  check_list(L, 1, READ | WRITTEN | MEASURED);
  const lua_Integer size = lua_listlength(L, 1);
  lua_Integer place = luaL_optinteger(L, 2, size);
  if (place != size) luaL_argcheck(L, (uint64_t)place - 1U <= (uint64_t)size, 2, "position out of bounds");
  struct vm *vm = vm_of(L);
  lua_getelement(L, 1, place);
  for (; place < size; place++) copy(L, vm, place + 1, place);
  lua_pushnil(L);
  lua_setelement(L, 1, place);
  return 1;
}

/* (from, first, last, place[, to]) */
static int table_move(lua_State *L) {
  enum { STEPS_OF_A_MOVE = 16 };
  struct vm *vm = vm_of(L);
  const lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
  const lua_Integer place = luaL_checkinteger(L, 4);
  const int to = lua_isnoneornil(L, 5) ? 1 : 5;
  check_list(L, 1, READ);
  check_list(L, to, WRITTEN);
  if (last >= first) {
    luaL_argcheck(L, first > 0 || last < PTRDIFF_MAX + first, 3, "too many elements to move");
    const lua_Integer count = last - first + 1;
    luaL_argcheck(L, place <= PTRDIFF_MAX - count + 1, 4, "destination wrap around");
    const bool goes_up = place > last || place <= first || (to != 1 && !lua_rawequal(L, 1, to));
    for (lua_Integer n = 0; n < count; n++) {
      const lua_Integer i = goes_up ? n : count - 1 - n;
      lua_getelement(L, 1, first + i);
      lua_setelement(L, to, place + i);
      vm_steps(L, vm, STEPS_OF_A_MOVE);
    }
  }
  lua_pushvalue(L, to);
  return 1;
}

/* ---- sort ------------------------------------------------------------------------------------ */

/* A heap, whose root is at 1, with the list at stack index 1 and the function, or nil, at 2: no order of the
 * elements, and no function, makes it slower than n log n. */

/* Whether the value at index a is less than the one at index b. */
static bool is_less(lua_State *L, int a, int b) {
  if (lua_isnil(L, 2)) return lua_isless(L, a, b);
  a = lua_absindex(L, a);
  b = lua_absindex(L, b);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, a);
  lua_pushvalue(L, b);
  lua_call(L, 2, 1);
  const bool is = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is;
}

/* The leaf below `root` that is reached by the larger child each time. */
static lua_Integer largest_leaf(lua_State *L, struct vm *vm, lua_Integer root, lua_Integer size) {
  enum { STEPS_OF_A_COMPARISON = 32 };
  lua_Integer at = root;
  while (at * 2 + 1 <= size) {
    lua_getelement(L, 1, at * 2);
    lua_getelement(L, 1, at * 2 + 1);
    at = at * 2 + (is_less(L, -2, -1) ? 1 : 0);
    lua_pop(L, 2);
    vm_steps(L, vm, STEPS_OF_A_COMPARISON);
  }
  return at * 2 == size ? at * 2 : at;
}

/* Puts the value on top of the stack, which it pops, into the heap below `root`, whose own is free. */
static void sift(lua_State *L, struct vm *vm, lua_Integer root, lua_Integer size) {
  lua_Integer at = largest_leaf(L, vm, root, size);
  for (; at > root; at /= 2) {
    lua_getelement(L, 1, at);
    const bool is_smaller = is_less(L, -1, -2);
    lua_pop(L, 1);
    if (!is_smaller) break;
  }
  for (;; at /= 2) { /* each value of the path goes up by one */
    lua_getelement(L, 1, at);
    lua_insert(L, -2);
    lua_setelement(L, 1, at);
    if (at == root) break;
  }
  lua_pop(L, 1);
}

/* (list, function) */
static int table_sort(lua_State *L) {
  check_list(L, 1, READ | WRITTEN | MEASURED);
  const lua_Integer size = lua_listlength(L, 1);
  if (size > 1) {
    luaL_argcheck(L, size < INT_MAX, 1, "array too big");
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct vm *vm = vm_of(L);
    for (lua_Integer root = size / 2; root >= 1; root--) {
      lua_getelement(L, 1, root);
      sift(L, vm, root, size);
    }
    for (lua_Integer last = size; last > 1; last--) {
      lua_getelement(L, 1, last);
      lua_getelement(L, 1, 1);
      lua_setelement(L, 1, last);
      sift(L, vm, 1, last - 1);
    }
  }
  return 0;
}

void counted_install_tables(lua_State *L) {
  static const luaL_Reg functions[] = {{"concat", table_concat}, {"sort", table_sort}, {NULL, NULL}};
  static const luaL_Reg shifting[] = {
      {"insert", table_insert}, {"remove", table_remove}, {"move", table_move}, {NULL, NULL}};
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_TABLIBNAME);
  luaL_setfuncs(L, functions, 0);
  if (LUA_HAS_INTEGERS) luaL_setfuncs(L, shifting, 0);
  lua_pop(L, 2);
}
