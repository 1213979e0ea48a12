/* SPDX-License-Identifier: MIT */
/* The globals and library fields of a fresh VM, before any script ran in it.
 *
 * They are read from a temporary Lua state, once for each VM that needs them, because no fixed list
 * fits every version, build and set of libraries. Functions are compared by address across the two
 * states. The result is a table in the registry, protected by the VM lock.
 */
#ifndef STATE_FRESH_H
#define STATE_FRESH_H

#include "state/lua_compat.h"

/* Like a library: the metatable of strings. No library has such a name. */
#define FRESH_STRINGS "=string"
/* Likewise the methods of files. */
#define FRESH_FILES "=file"

/* Pushes a library of this VM, for FRESH_STRINGS the metatable of strings, for FRESH_FILES the table that has the
 * methods of files; or nil. [-0, +1, memory] */
void fresh_push_library(lua_State *L, const char *library);

/* Pushes the table library name -> field -> mark, with _G and FRESH_STRINGS among the libraries.
 * [-0, +1, memory] */
void fresh_push(lua_State *L);

/* Whether a fresh VM has the value at index `value` under the key at index `key`. `marks` is the
 * index of one library's table from fresh_push. [-0, +0, memory] */
bool fresh_has(lua_State *L, int marks, int key, int value);

/* Whether package.preload of a fresh VM has the module. [-0, +0, memory] */
bool fresh_preloads(lua_State *L, const char *name);

/* Whether the function at `index` is a C function, or one that LuaJIT has in bytecode: none of a script.
 * [-0, +0, memory] */
bool fresh_is_builtin(lua_State *L, int index);
/* Whether the function at `index` is the one of this name in Lua's basic library. It makes a Lua state, with that
 * library alone. [-0, +0, -] */
bool fresh_is_basic(lua_State *L, int index, const char *name);
/* Pushes "library NUL key" for the builtin function at `index`: a place where a fresh VM has it. False,
 * and nothing pushed: it has it nowhere. [-0, +1|0, memory] */
bool fresh_find(lua_State *L, int function);

/* Pushes a value of the type with this name, whose values share a metatable; nil for other types. [-0, +1, memory] */
void fresh_push_value_of_type(lua_State *L, const char *type);

#endif
