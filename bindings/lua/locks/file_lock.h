/* SPDX-License-Identifier: MIT */
/* The open file of a FileLock (os/file_lock.h), as a handle of Lua. Its methods try and do not wait; the
 * class is in locks/file_lock.lua. */
#ifndef BINDINGS_LOCKS_FILE_LOCK_H
#define BINDINGS_LOCKS_FILE_LOCK_H

#include "state/lua_compat.h"

/* file_lock_open(path) → a LockedFile; or nil and why. [-0, +1 or 2, raises] */
int file_lock_open_call(lua_State *L);

#endif
