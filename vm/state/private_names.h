/* SPDX-License-Identifier: MIT */
/* Names of classes and registries that a module keeps to itself: in local variables of its functions, and in what
 * these and the module's tables lead to.
 *
 * Such a table has an id, as any class without a public name (state/classes.h). A VM that loads the module for
 * itself has a table of its own in its place; the name tells it which, so that the two are one class.
 *
 *   private name := module NUL path NUL mark
 *   path         := component "." … ; a component is a key, or "^name", the upvalue of a function, or "^", the
 *                   metatable of a table
 *
 * A variable may hold something else in the other VM. The *mark* is of what does not change in a class: its methods'
 * names, and whether its keys are weak. A table with another mark is not the one that is meant.
 *
 * A weak index finds the names. It is made anew when modules were loaded since. The state is in the registry of the
 * VM, protected by the VM lock.
 */
#ifndef STATE_PRIVATE_NAMES_H
#define STATE_PRIVATE_NAMES_H

#include "state/lua_compat.h"

/* Pushes the private name of the table at `index`. False, and nothing pushed: it has none. [-0, +1|0, memory] */
bool private_name_find(lua_State *L, int index);
/* Whether the text is a private name. */
bool private_name_is_one(const char *text, size_t size);
/* Replaces the private name on top of the stack by the table that this VM has in its place, or by nil. The module is
 * loaded if need be; one that cannot be has no such table. [-1, +1, memory] */
void private_name_resolve(lua_State *L);

#endif
