/* SPDX-License-Identifier: MIT */
/* What `require "manymoons"` opens, and what each VM of ours has of it. */
#ifndef BINDINGS_LIBRARY_H
#define BINDINGS_LIBRARY_H

#include "base/annotations.h"
#include "state/library.h"

/* For the top alone: the program's main, the entry of worker processes, the C API. Everything below
 * has it from there (state/library.h). */
extern const struct vm_library manymoons_library;

/* require "manymoons". [-0, +1, raises] */
MODULE_EXPORT int luaopen_manymoons(lua_State *L);

#endif
