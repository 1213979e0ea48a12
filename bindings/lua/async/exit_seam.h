/* SPDX-License-Identifier: MIT */
/* Between the os.exit of a host and the library. Where os.exit is called decides what it ends (async/exit.lua): a
 * worker, or the program. A host whose own os.exit asks the library has the same function in that place from the
 * beginning to the end, so that one which the script has kept, or calls in a function of its own, ends the same. In
 * other hosts a function of the library takes the place.
 *
 * The state is in the registry of the VM, protected by the VM lock. */
#ifndef BINDINGS_ASYNC_EXIT_SEAM_H
#define BINDINGS_ASYNC_EXIT_SEAM_H

#include "state/lua_compat.h"

/* The host's os.exit asks. [-0, +0, memory] */
void exit_seam_offer(lua_State *L);
/* Pushes what the host's os.exit calls first, with its arguments: it returns if the program is to end. False, and
 * nothing pushed: the library ends nothing. [-0, +1|0] */
bool exit_seam_push(lua_State *L);

/* take_exit(function) → the host's os.exit, which asks the function from now on, or nil. [-0, +1, memory] */
int exit_seam_take(lua_State *L);

#endif
