/* SPDX-License-Identifier: MIT */
/* Sorting a list of numbers or of strings as table.sort without a function does, without a call of Lua for each
 * comparison. */
#ifndef BINDINGS_POOL_POOL_SORT_H
#define BINDINGS_POOL_POOL_SORT_H

#include "state/lua_compat.h"

/* sort_plain(list, count) → a new, sorted list of numbers, and false; or the places of strings, sorted, and true; or
 * nothing, where items are of several types, are neither, or are strings that the locale orders. [-0, +2|0, memory] */
int pool_sort_call(lua_State *L);

#endif
