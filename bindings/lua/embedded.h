/* SPDX-License-Identifier: MIT */
/* The Lua sources of bindings/lua, the pieces of pages and third_party, inside the binary. */
#ifndef BINDINGS_EMBEDDED_H
#define BINDINGS_EMBEDDED_H

#include <stddef.h>

#include "state/lua_compat.h"

/* An embedded file by the name that embedded.c gives it: "room.file" for a file of bindings/lua; or
 * NULL. Static; not terminated by a zero. */
const char *embedded_find(const char *name, size_t *size);

/* load("room.file") → the source of that file, compiled: a function. [-0, +1, raises] */
int embedded_load_call(lua_State *L);
/* Pops the native table and pushes `require`, which runs an embedded file once in this VM, with
 * itself and the native table as arguments, and returns its result. [-1, +1, memory] */
void embedded_push_require(lua_State *L);
/* embedded(name) → the text of an embedded file. [-0, +1, raises] */
int embedded_text_call(lua_State *L);

#endif
