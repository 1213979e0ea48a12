/* SPDX-License-Identifier: MIT */
/* Table: a table of the segment (shared/shared_table.h) as Lua sees it, the same in every world. */
#ifndef BINDINGS_MEMORY_SHARED_TABLE_H
#define BINDINGS_MEMORY_SHARED_TABLE_H

#include "core/arguments.h"

/* Its transfer. [-0, +0, raises] */
void shared_table_open(lua_State *L);
/* shared_table_new() → a handle; or nil and why */
int shared_table_new(lua_State *L);
/* shared_table_methods() → the table of its methods, for those that are written in Lua (memory/memory.lua) */
int shared_table_methods(lua_State *L);

#endif
