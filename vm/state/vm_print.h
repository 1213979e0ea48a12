/* SPDX-License-Identifier: MIT */
/* print for VMs that share one stdout: each call is one write, so lines stay whole when several
 * threads print at once. */
#ifndef STATE_VM_PRINT_H
#define STATE_VM_PRINT_H

#include <lua.h>

/* Pushes the line that print writes for the arguments on the stack, without the newline: tostring
 * of each, separated by tabs. [-0, +1, raises] */
void vm_print_push_line(lua_State *L);
/* Replaces Lua's print. [-0, +0, raises] */
void vm_print_install(lua_State *L);

#endif
