/* SPDX-License-Identifier: MIT */
/* The functions of the standard libraries as this VM got them, and their places: library and key.
 *
 * A program may put a function of its own in the place of a standard one, and keep that to call it. Such
 * an original is known by its place, in the VM of the sender and in that of the receiver, whatever
 * stands there meanwhile: a VM keeps the functions when it begins.
 *
 * A host may load this library after the program has replaced a function. Then the original is known by
 * what a fresh VM has in that place (state/fresh.h).
 *
 * Beside the libraries there are places for the functions of strings' metatable (FRESH_STRINGS), for the methods of
 * files (FRESH_FILES) and for the searchers of `require`. The state is in the registry, protected by the VM lock.
 */
#ifndef STATE_ORIGINALS_H
#define STATE_ORIGINALS_H

#include "state/lua_compat.h"

/* The searchers of `require`, like a library: their keys are "1", "2", … */
#define ORIGINALS_SEARCHERS "package.searchers"

/* Keeps the functions that the libraries have now; before the first script runs, or as early as the
 * host lets. The first call counts. [-0, +0, memory] */
void originals_keep(lua_State *L);
/* The same for a new VM of this library that has all libraries. [-0, +0, memory] */
void originals_begin(lua_State *L);
/* Puts the function on top of the stack in the place of an original: this VM has it instead.
 * [-1, +0, memory] */
void originals_replace(lua_State *L, const char *library, const char *key);

/* Pushes library and key of the function at `index`. False, and nothing pushed: it is no original.
 * [-0, +2|0, memory] */
bool originals_find(lua_State *L, int index);
/* Whether originals_find would find the function under this library and key. [-0, +0, memory] */
bool originals_is_at(lua_State *L, int index, const char *library, const char *key);
/* Whether the function at `index` is one that the script put in the place of a standard one. [-0, +0, memory] */
bool originals_is_replaced(lua_State *L, int index, const char *library, const char *key);
/* Pushes the table of the originals of a library, key -> function, which no caller changes; or nil.
 * [-0, +1, memory] */
void originals_push_library(lua_State *L, const char *library);
/* Pushes the original of a place, or nil: this VM has none. [-0, +1, memory] */
void originals_push(lua_State *L, const char *library, const char *key);

#endif
