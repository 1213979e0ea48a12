/* SPDX-License-Identifier: MIT */
/* What a VM has before any program ran in it: the names in _G and in the standard libraries, and
 * what they stand for.
 *
 * Learnt from a Lua state made for the purpose, once per VM that asks, because no list would be
 * right for every version, build and set of libraries. Functions in C are compared by address,
 * across the two states. A table in the registry; the VM's lock protects it.
 */
#ifndef STATE_FRESH_H
#define STATE_FRESH_H

#include "state/lua_compat.h"

/* Pushes the table: library name -> field -> mark, where _G is a library like the others. [-0, +1, memory] */
void fresh_push(lua_State *L);

/* Whether a fresh VM has, under the key at `key`, what is at `value`; `marks` is one library's
 * table from fresh_push. [-0, +0, memory] */
bool fresh_has(lua_State *L, int marks, int key, int value);

#endif
