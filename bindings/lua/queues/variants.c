/* SPDX-License-Identifier: MIT */
#include "queues/variants.h"

#include "state/table_copy.h"
#include "state/weak_table.h"

/* Of a class's metatable and its copies: the copies by number. Those that no handle has any more go. */
static const char copies_field[] = "__mm_variants";

/* metatable → metatable, copies */
static void push_copies(lua_State *L) {
  lua_getfield(L, -1, copies_field);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  weak_table_push(L, "v", 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, copies_field);
}

/* metatable → metatable, methods with the fields */
static void push_methods(lua_State *L, lua_Integer number, variant_fill fill) {
  lua_newtable(L);
  fill(L, number);
  lua_createtable(L, 0, 1);
  lua_getfield(L, -3, "__index");
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

/* metatable → metatable, copy */
static void push_copy(lua_State *L, lua_Integer number, variant_fill fill) {
  table_push_copy(L);
  lua_pushvalue(L, -2);
  push_methods(L, number, fill);
  lua_setfield(L, -3, "__index");
  lua_pop(L, 1);
}

void variant_set(lua_State *L, lua_Integer number, variant_fill fill) {
  lua_getmetatable(L, -1);
  push_copies(L);
  lua_rawgeti(L, -1, (int)number);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -2);
    push_copy(L, number, fill);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (int)number);
  }
  lua_setmetatable(L, -4);
  lua_pop(L, 2);
}
