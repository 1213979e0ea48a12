/* SPDX-License-Identifier: MIT */
/* What the owners of an encoder say about names: tables name -> whether, in the registry. A set stays until its
 * owner keeps another one.
 *
 *   ENCODE_CARRIED         of an image: modules that are written by value
 *   ENCODE_WITHOUT_SOURCE  of an image: modules of the host, below which nothing can be sent by name
 *   ENCODE_RENEWED         of a message with the globals of a call: those globals
 *   ENCODE_SOURCED         of a message: modules whose source it has already
 */
#ifndef STATE_ENCODE_SETS_H
#define STATE_ENCODE_SETS_H

#include "state/lua_compat.h"

enum encode_set { ENCODE_CARRIED, ENCODE_WITHOUT_SOURCE, ENCODE_RENEWED, ENCODE_SOURCED, ENCODE_SETS };

/* Keeps the table on top of the stack as the set; nil: nothing is in it. [-1, +0, memory] */
void encode_set_keep(lua_State *L, enum encode_set set);
/* Whether the first component of the path at `name`, "a" of "a.b", is in the set. [-0, +0, memory] */
bool encode_set_has(lua_State *L, enum encode_set set, int name);
/* Whether the module whose name is at `name` is in the set. [-0, +0, memory] */
bool encode_set_has_module(lua_State *L, enum encode_set set, int name);
/* Adds the module whose name is at `name`. False: it was in the set. [-0, +0, memory] */
bool encode_set_add_module(lua_State *L, enum encode_set set, int name);

/* (… globals, names) For messages whose first value is the table `globals`: the receiver makes the globals whose
 * names are keys of the other table what this value says, and then reads the other values. Objects below
 * these globals are written by value within it, and by name behind it. [-2, +0, memory] */
void encode_set_renewed(lua_State *L);
/* Whether the value at `index` is such a table. [-0, +0] */
bool encode_is_renewing(lua_State *L, int index);

#endif
