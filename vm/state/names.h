/* SPDX-License-Identifier: MIT */
/* The names of what does not travel by value: C functions, metatables and tables of loaded modules.
 *
 * Two sources of names. What hangs below package.loaded has a module and a path of string keys there
 * ("string", "format"); a weak reverse index finds it, and every hit is verified by walking the path again,
 * so that a stale index can only miss. Metatables given to mm.register have that name. Everything is read
 * raw: no metamethod of the user's runs, except that receivers find lazily carried globals and classes
 * (state/globals.h) by asking _G and the table of registered classes in the normal way. State is in the
 * registry of the VM, protected by the VM's lock.
 */
#ifndef STATE_NAMES_H
#define STATE_NAMES_H

#include "state/lua_compat.h"

enum names_effort {
  NAMES_INDEXED, /* look into the index as it is */
  NAMES_REBUILT, /* if that misses, index package.loaded again */
};

/* Pushes module and path of the object at `index`, or nothing and returns false. [-0, +2|0, memory] */
bool names_find(lua_State *L, int index, enum names_effort effort);
/* Pushes the name under which the table at `index` is in package.loaded; false: it is not.
 * [-0, +1|0, memory] */
bool names_find_module(lua_State *L, int index);

enum names_access {
  NAMES_RAW,
  NAMES_RAW_BELOW,  /* the first table with its metamethods: _G decodes some globals when asked */
  NAMES_AS_PROGRAM, /* each table with its metamethods */
};
/* Replaces the table on top of the stack by the field to which a path like "a.b.c" leads, or by nil.
 * [-1, +1, raises] */
void names_walk(lua_State *L, const char *path, enum names_access access);

/* The Lua function on top of the stack travels by its name from now on, like a C function, not with all that
 * it refers to. [-1, +0, memory] */
void names_seal(lua_State *L);
/* Whether the function at `index` travels by its name. [-0, +0] */
bool names_have(lua_State *L, int index);

enum names_trust {
  NAMES_LOADED_ONLY, /* for untrusted bytes: nothing is loaded because they name it */
  NAMES_REQUIRE,     /* `require` what is not loaded yet */
};
/* Pushes the module of the name on top of the stack, in its place. [-1, +1, raises] */
void names_push_module(lua_State *L, enum names_trust trust);
/* Replaces module and path on top of the stack by what they name: a table, a function or a
 * userdata. [-2, +1, raises] */
void names_push_named(lua_State *L, enum names_trust trust);

/* The table on top of the stack is from now on the class called `name`. [-1, +0, memory] */
void names_register(lua_State *L, const char *name);
/* Pushes the name of the registered metatable at `index`, or nothing and returns false. [-0, +1|0, memory] */
bool names_find_registered(lua_State *L, int index);
/* Replaces the name on top of the stack by its metatable. [-1, +1, raises] */
void names_push_registered(lua_State *L);
/* Pushes the table of all of them, name -> metatable. [-0, +1, memory] */
void names_push_all_registered(lua_State *L);

#endif
