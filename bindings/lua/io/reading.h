/* SPDX-License-Identifier: MIT */
/* Reading of a file: the formats of `read` and `lines`. */
#ifndef BINDINGS_IO_READING_H
#define BINDINGS_IO_READING_H

#include "io/file.h"

/* Raises for a format that there is not. `first` … the top are formats. [-0, +0, raises] */
void reading_check_formats(lua_State *L, int first);
/* With a file and formats on the stack, and nothing else: reads, waiting for what has to come. The results of
 * `read`: how many. [-n, +m, raises] */
int reading_run(lua_State *L) REQUIRES(rank_vm);
/* For a line without its end, and for what may be a format, at `index`: pushes it if all of it stands in the buffer of
 * the file, and nobody uses the file. False, and nothing pushed: reading_run has to do it. [-0, +1|0, memory] */
bool reading_push_line(lua_State *L, const struct io_files *s, FILE *f);
bool reading_push_format(lua_State *L, const struct io_files *s, FILE *f, int index) REQUIRES(rank_vm);

#endif
