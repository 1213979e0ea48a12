/* SPDX-License-Identifier: MIT */
/* The text of print: a line as a whole, for its writers must not mix it with those of other threads. */
#ifndef STATE_VM_PRINT_H
#define STATE_VM_PRINT_H

#include <lua.h>

/* Pushes the line that print writes for the arguments on the stack, without the newline: tostring
 * of each, separated by tabs. [-0, +1, raises] */
void vm_print_push_line(lua_State *L);

#endif
