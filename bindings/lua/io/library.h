/* SPDX-License-Identifier: MIT */
/* Lua's library io, print, and the functions of os that call the system, with the waits of this project: the VM's lock is
 * left and tasks run while a call waits (io/away.h). All else is as the manual of each Lua says; but print writes a whole
 * line, which no other thread, task or VM of the process cuts.
 *
 * The functions take the places of Lua's own in the tables _G, io and os and in the metatable of files, once, as a VM is
 * opened; in a host's state when it first uses tasks, or starts a thread beside its own: a host that does neither
 * keeps what it has. A place where the program has put a function of its own is left alone. */
#ifndef BINDINGS_IO_LIBRARY_H
#define BINDINGS_IO_LIBRARY_H

#include "state/lua_compat.h"

/* Does nothing in a VM without these libraries, or where it is done. [-0, +0, raises] */
void io_install(lua_State *L);
/* io_install(): the same. */
int io_install_call(lua_State *L);

#endif
