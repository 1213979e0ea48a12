/* SPDX-License-Identifier: MIT */
/* Scripts that use debug.sethook keep their hooks, although requests (vm_interrupt.h) need the same place.
 *
 * Without a count, the script's hook is remembered while a request is armed, and put back when it fires. With
 * a count, putting it back would start its count anew each time: so those count in slices here, and look for
 * requests at the end of each slice; nobody arms anything there.
 */
#ifndef STATE_VM_HOOKS_H
#define STATE_VM_HOOKS_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* Puts debug.sethook and debug.gethook of ours in the place of Lua's, which they call. [-0, +0, raises] */
void hooks_install(lua_State *L);
/* True if the hook of L counts in slices, and looks for requests by itself. Async-signal-safe. */
bool hooks_poll(lua_State *L);

#endif
