/* SPDX-License-Identifier: MIT */
/* The handle of a shared table (shared/shared_table.h), mm.Table, in every world. */
#ifndef BINDINGS_MEMORY_SHARED_TABLE_H
#define BINDINGS_MEMORY_SHARED_TABLE_H

#include "core/arguments.h"

/* Lets this VM decode tables. [-0, +0, raises] */
void shared_table_open(lua_State *L);
/* shared_table_new(max_bytes) → a handle; or nil and why. [-0, +1 or 2, raises] */
int shared_table_new(lua_State *L);
/* shared_table_methods() → the table of methods, to which memory/memory.lua adds its own.
 * [-0, +1, raises] */
int shared_table_methods(lua_State *L);
/* shared_table_look(table, key) → a number that is another one after each change of the table, and the value of the
 * key. [-0, +2, raises] */
int shared_table_look_call(lua_State *L);
/* shared_table_await(table, number, timeout) → true: the number is another one; or nil and why. [-0, +1 or 2, raises] */
int shared_table_await_call(lua_State *L) REQUIRES(rank_vm);

#endif
