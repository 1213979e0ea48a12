/* SPDX-License-Identifier: MIT */
/* The Lua sources of bindings/lua, and what pages are made of (bindings/page, third_party), inside
 * the binary. */
#ifndef BINDINGS_EMBEDDED_H
#define BINDINGS_EMBEDDED_H

#include <stddef.h>

#include "state/lua_compat.h"

/* The source of bindings/lua/NAME.lua, or another file by the name that embedded.c gives it, or
 * NULL. Static; not terminated by a zero. */
const char *embedded_find(const char *name, size_t *size);

/* load(name) → the source of bindings/lua/NAME.lua, compiled: a function. [-0, +1, raises] */
int embedded_load_call(lua_State *L);
/* embedded(name) → the text of an embedded file. [-0, +1, raises] */
int embedded_text_call(lua_State *L);

#endif
