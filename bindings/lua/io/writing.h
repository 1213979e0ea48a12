/* SPDX-License-Identifier: MIT */
/* Writing to a file, and giving what was written to the system. */
#ifndef BINDINGS_IO_WRITING_H
#define BINDINGS_IO_WRITING_H

#include "io/file.h"

/* Writes the values from index 2 on to the file at index 1, and nothing else is on the stack; waits where the system
 * has no room. The values were checked. As writing_push_success, or nil, why and the number of the error: how many results.
 * [-n, +1|3, raises] */
int writing_run(lua_State *L) REQUIRES(rank_vm);
/* The same if there is room for them in the buffer of the file, and nobody uses it. False: nothing was written, and
 * writing_run has to do it. [-0, +0, memory] */
bool writing_at_once(lua_State *L, const struct io_files *s, FILE *f);
/* What `write` returns: from Lua 5.2 on its file, which is at index `file`. [-0, +1] */
int writing_push_success(lua_State *L, const struct io_files *s, int file);
/* Raises for a value that is neither text nor a number. [-0, +0, raises] */
void writing_check(lua_State *L, int first);
/* With a file on the stack: the method `flush`, and `seek` with its whence and offset, which are integers behind the
 * file. [-n, +1|3, raises] */
int writing_flush(lua_State *L) REQUIRES(rank_vm);
int writing_seek(lua_State *L) REQUIRES(rank_vm);
/* `setvbuf`, with its mode and size as integers behind the file. [-n, +1|3, raises] */
int writing_set_buffer(lua_State *L) REQUIRES(rank_vm);

/* print. A line is whole beside those of other threads, tasks and VMs. [-n, +0, raises] */
int writing_print(lua_State *L) REQUIRES(rank_vm);

/* write_now(file, text) → nothing: writes the text to a file of the library io, and gives all that was written to the
 * system, as fwrite does: beside other users of the file, and without a turn for tasks. For reports of the
 * scheduler and of finalizers, which must not wait. A closed file gets nothing. [-0, +0, raises] */
int writing_now(lua_State *L) REQUIRES(rank_vm);

#endif
