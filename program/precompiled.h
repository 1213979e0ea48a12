/* SPDX-License-Identifier: MIT */
/* The Lua files of the library as bytecode, which the build has made with the Lua that the program has in itself.
 * Other hosts have a Lua of their own, with patches of its own, and compile the sources. */
#ifndef PROGRAM_PRECOMPILED_H
#define PROGRAM_PRECOMPILED_H

#include <stddef.h>

/* For embedded_use_compiled: the bytecode of a file by its name ("room.file"); NULL: there is none. */
const char *precompiled_find(const char *name, size_t *size);

#endif
