/* SPDX-License-Identifier: MIT */
/* The Lua sources of bindings/lua and the parts of pages, embedded in the binary. */
#ifndef BINDINGS_EMBEDDED_H
#define BINDINGS_EMBEDDED_H

#include <stddef.h>

#include "state/lua_compat.h"

/* The text of an embedded file, by its name in embedded.c ("room.file" for a file of bindings/lua);
 * NULL if there is none. Static storage, without a terminating zero. */
const char *embedded_find(const char *name, size_t *size);

/* The name of the embedded file of that number, from 0 on; NULL: there are no more. */
const char *embedded_name(size_t number);

/* From now on files are loaded as the bytecode that `find` gives, where it has it and this Lua takes it. Before the first
 * VM is made. */
void embedded_use_compiled(const char *(*find)(const char *name, size_t *size));

/* load("room.file") → the file as a compiled function. [-0, +1, raises] */
int embedded_load_call(lua_State *L);
/* Pops the native table and pushes `require`, the loader of the library's own files. It runs a file
 * once in this VM, with `require` and the native table as arguments, and returns the file's result.
 * [-1, +1, memory] */
void embedded_push_require(lua_State *L);
/* embedded(name) → the text of an embedded file. [-0, +1, raises] */
int embedded_text_call(lua_State *L);

#endif
