/* SPDX-License-Identifier: MIT */
/* Names of objects that are sent by name: C functions, metatables and tables of loaded modules.
 *
 * There are three kinds of names. A function that a fresh VM has is named by its place there, whatever
 * stands there now: "=string", "format" (state/originals.h). Another object below package.loaded has a
 * module and a path of string keys ("socket", "tcp"). A weak reverse index finds it, and each hit is verified by following
 * the path again, so a stale index is only a miss. A metatable given to mm.register has that name.
 * All tables are read raw and no metamethod of the script runs, with one exception: a receiver
 * reads _G and the table of registered classes with metamethods, which decode pending names
 * (state/globals.h). The state is in the registry of the VM, protected by the VM lock.
 */
#ifndef STATE_NAMES_H
#define STATE_NAMES_H

#include "state/lua_compat.h"

/* Before the name of a library: its function as a fresh VM has it. */
enum { NAMES_ORIGINAL = '=' };

enum names_effort {
  NAMES_INDEXED,   /* use the index as it is */
  NAMES_REFRESHED, /* after a miss, rebuild the index if modules were loaded since, and try again */
  NAMES_REBUILT,   /* after a miss, rebuild the index and try again */
};

/* Pushes module and path of the object at `index`. False, and nothing pushed: it has none.
 * [-0, +2|0, memory] */
bool names_find(lua_State *L, int index, enum names_effort effort);
/* Pushes the key of the table at `index` in package.loaded. False, and nothing pushed: it is not
 * there. [-0, +1|0, memory] */
bool names_find_module(lua_State *L, int index);

enum names_access {
  NAMES_RAW,
  NAMES_RAW_BELOW,  /* the first table with metamethods, because _G may have pending globals */
  NAMES_AS_PROGRAM, /* each table with metamethods, as a script would */
};
/* Replaces the table on top of the stack by its field at a path like "a.b.c", or by nil.
 * [-1, +1, raises] */
void names_walk(lua_State *L, const char *path, enum names_access access);

/* Seals the Lua function on top of the stack: it is sent by name from now on, like a C function,
 * and not with its upvalues. [-1, +0, memory] */
void names_seal(lua_State *L);
/* (… cover, covered) Seals the cover, a Lua function that stands before a function of the script. It is sent
 * as that: the receiver has covers of its own. [-2, +0, memory] */
void names_cover(lua_State *L);
/* Pushes the function that the one at `index` covers. [-0, +1|0] */
bool names_push_covered(lua_State *L, int index);
/* Whether the function at `index` is sent by name. [-0, +0] */
bool names_have(lua_State *L, int index);

/* Whether `require` is at work in this coroutine. [-0, +0, memory] */
bool names_module_is_loading(lua_State *L);
/* Keeps in the registry, under the address `key`, which modules package.loaded has. [-0, +0, memory] */
void names_note_loaded(lua_State *L, const void *key);
/* Whether they are the same as then. [-0, +0, does not raise] */
bool names_are_as_noted(lua_State *L, const void *key);
/* Replaces a module's name on top of the stack by the module, which is required if it is not
 * loaded. [-1, +1, raises] */
void names_push_module(lua_State *L);
/* Replaces module and path on top of the stack by the object that they name: a table, a function or
 * a userdata. [-2, +1, raises] */
void names_push_named(lua_State *L);

/* Whether a script of this VM may register the table at `index` as the class `name`: the name is free,
 * or its own, or that of a copy that came with the program's globals. The name is its own then.
 * [-0, +0, memory] */
bool names_claim(lua_State *L, const char *name, int index);
enum names_audience {
  NAMES_FOR_PEERS,     /* bytes of strangers bring no instances of the class */
  NAMES_FOR_STRANGERS, /* the program says that its metamethods and methods are fit for any fields */
};
/* Registers the table on top of the stack as the class `name`. [-1, +0, memory] */
void names_register(lua_State *L, const char *name, enum names_audience audience);
/* The audience of the class `name`, registered or yet to be. [-0, +0, memory] */
enum names_audience names_audience_of(lua_State *L, const char *name);
void names_set_audience(lua_State *L, const char *name, enum names_audience audience);
/* Pushes the name of the metatable at `index`. False, and nothing pushed: it is not registered.
 * [-0, +1|0, memory] */
bool names_find_registered(lua_State *L, int index);
/* Replaces the name on top of the stack by the metatable registered under it. [-1, +1, raises] */
void names_push_registered(lua_State *L);
/* Pushes the table of registered metatables, name -> metatable. [-0, +1, memory] */
void names_push_all_registered(lua_State *L);

#endif
