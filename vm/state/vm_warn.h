/* SPDX-License-Identifier: MIT */
/* Lua's function `warn` in a new VM: as in the stand-alone interpreter, off until "@on". */
#ifndef STATE_VM_WARN_H
#define STATE_VM_WARN_H

#include "state/lua_compat.h"

/* Does nothing before Lua 5.4, which has no warnings. [-0, +0, does not raise] */
void vm_warn_install(lua_State *L);

#endif
