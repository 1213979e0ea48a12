/* SPDX-License-Identifier: MIT */
/* The Lua sources of bindings/lua, and what pages are made of (bindings/page, third_party),
 * inside the binary. */
#ifndef BINDINGS_EMBEDDED_H
#define BINDINGS_EMBEDDED_H

#include <stddef.h>

/* The source of bindings/lua/NAME.lua, or another file by the name that embedded.c gives it, or NULL. Static;
 * not terminated by a zero. */
const char *embedded_find(const char *name, size_t *size);

#endif
