/* SPDX-License-Identifier: MIT */
/* Copies of tables, one level deep. */
#ifndef STATE_TABLE_COPY_H
#define STATE_TABLE_COPY_H

#include "state/lua_compat.h"

/* Pushes a new table with all fields of the table on top, without its metatable. [-0, +1, memory] */
static inline void table_push_copy(lua_State *L) {
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, -3)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

#endif
