/* SPDX-License-Identifier: MIT */
/* The Lua library: what `require "manymoons"` opens, and the constant through which lower layers
 * reach it. */
#ifndef BINDINGS_LIBRARY_H
#define BINDINGS_LIBRARY_H

#include "base/annotations.h"
#include "state/library.h"

/* Only the top layers name it: the program's main, the entry of worker processes, the C library.
 * They hand it down to all others (state/library.h). */
extern const struct vm_library manymoons_library;

/* The loader of `require "manymoons"`. [-0, +1, raises] */
MODULE_EXPORT int luaopen_manymoons(lua_State *L);

#endif
