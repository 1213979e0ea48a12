/* SPDX-License-Identifier: MIT */
/* Names of fields of loaded modules, standard libraries among them: "module NUL field". They stand beside the names of
 * globals where state/globals_watch.h and state/globals_apply.h look at what a call takes along.
 *
 * All tables are read and written raw. Called under the VM lock.
 */
#ifndef STATE_MODULE_FIELDS_H
#define STATE_MODULE_FIELDS_H

#include "state/lua_compat.h"

/* Whether the string at `name` is the name of a field, and not that of a global. [-0, +0] */
bool field_name_is_one(lua_State *L, int name);
/* Pushes the name of the field with the key at `key` of the module whose name is at `module`. False, and nothing
 * pushed: the key is no string, or has a NUL. [-0, +1|0, memory] */
bool field_push_name(lua_State *L, int module, int key);
/* Pushes the name at `name`, of a field or a global, as a script writes it. [-0, +1, memory] */
void field_push_shown(lua_State *L, int name);
/* Pushes the value of the field, or nil: there is none, or the module is not loaded. [-0, +1, memory] */
void field_push_value(lua_State *L, int name);
/* Sets the field to the value on top of the stack, in a module that is loaded if need be. A module that cannot be
 * loaded stays so. [-1, +0, memory] */
void field_put(lua_State *L, int name);
/* The same for a value that could not be sent: a function that raises the text on top of the stack. [-1, +0, memory] */
void field_break(lua_State *L, int name);

#endif
