/* SPDX-License-Identifier: MIT */
/* print, for VMs that share one stdout: each call is one write, so lines stay whole however
 * many print at once. */
#ifndef STATE_VM_PRINT_H
#define STATE_VM_PRINT_H

#include <lua.h>

/* Pushes the line that print would write of the arguments on the stack, without its end. [-0, +1, raises] */
void vm_print_push_line(lua_State *L);
/* Puts it in the place of Lua's print. [-0, +0, raises] */
void vm_print_install(lua_State *L);

#endif
