/* SPDX-License-Identifier: MIT */
/* Where a worker gets a module from.
 *
 * A worker's `require` looks into its package.preload and for files along package.path and package.cpath, as the
 * program's does. A module that the program found in another way (a plugin of an editor, a file in a game's
 * archive, a searcher of the program's own) is sent as its source: the function that the searcher gives. A
 * host may have modules without a source, built into it: of these the fields that can be sent are sent.
 */
#ifndef STATE_MODULE_SOURCE_H
#define STATE_MODULE_SOURCE_H

#include "state/lua_compat.h"

/* Whether a worker finds the module without help. [-0, +0, memory] */
bool module_is_found(lua_State *L, const char *name);
/* Pushes the Lua function by which a searcher of this VM loads the module. False, and nothing pushed: none
 * does. What was found once is not looked for again. [-0, +1|0, runs searchers, memory] */
bool module_source_push(lua_State *L, const char *name);
/* Whether there may be modules that a worker does not find: `require` has searchers beside the four of Lua.
 * [-0, +0] */
bool module_sources_exist(lua_State *L);
/* Pushes the source of a module that is loaded here, and that a worker does not find. False, and nothing
 * pushed: there is none. [-0, +1|0, runs searchers, memory] */
bool module_source_push_if_needed(lua_State *L, const char *name);
/* The function on top of the stack loads the module, unless it is loaded, or another one does. [-1, +0, memory] */
void module_source_add(lua_State *L, const char *name);
/* Whether the host itself has searchers beside the four of Lua: modules that no file has are then its
 * own, as those of an editor or a game, and not put there by the program. [-0, +0, memory] */
bool module_host_has_searchers(lua_State *L);

#endif
