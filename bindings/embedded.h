/* SPDX-License-Identifier: MIT */
/* The Lua sources of bindings/lua, inside the binary. */
#ifndef BINDINGS_EMBEDDED_H
#define BINDINGS_EMBEDDED_H

#include <stddef.h>

/* The source of bindings/lua/NAME.lua, or NULL. Static; not terminated by a zero. */
const char *embedded_find(const char *name, size_t *size);

#endif
