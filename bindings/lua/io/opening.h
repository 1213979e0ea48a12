/* SPDX-License-Identifier: MIT */
/* What names files and commands: io.open, io.popen, os.execute, os.remove, os.rename. */
#ifndef BINDINGS_IO_OPENING_H
#define BINDINGS_IO_OPENING_H

#include "io/file.h"

/* Pushes a new file. 0; or an error number, and the file is closed. [-0, +1, raises] */
int opening_push_file(lua_State *L, const char *name, const char *mode) REQUIRES(rank_vm);

/* The functions of the libraries. */
int opening_open(lua_State *L);
int opening_popen(lua_State *L);
int opening_execute(lua_State *L);
int opening_remove(lua_State *L);
int opening_rename(lua_State *L);

#endif
