/* SPDX-License-Identifier: MIT */
/* The files of Lua's library `io` in one VM: the userdata that scripts have, and which of them a thread or task uses
 * while it has left the VM's lock.
 *
 * The userdata is that of Lua's own library, with its metatable ("FILE*"), so files made here and there, and those of
 * other C libraries, are one kind: luaL_Stream, in 5.1 and LuaJIT a FILE*. A file is ours if this room has opened
 * it: then it is closed here. Another one is closed by the function that Lua's own library has for it.
 *
 *   use     a call that uses a FILE while the VM's lock may be left; a frame of C has it, and it stands in
 *           a list of the VM. A FILE has one use at a time, and all others wait for its end, those of other
 *           tasks, too; so lines and numbers stay whole.
 *   command a program that io.popen has started, until its end was taken
 *
 * I1  The list of uses and what it holds change under the VM's lock alone.
 * I2  A FILE is closed when it has no use. Whoever closes it marks the use, which ends it, and waits.
 * I3  A file that nobody uses is used under the VM's lock without a use where nothing can wait.
 * I4  A forked child has no uses: its parent's threads and tasks are not here.
 * I5  A call in a call, by a finalizer that runs while the caller waits, uses the FILE beside the outer use of the
 *     same caller, which cannot end before it.
 *
 * The std streams belong to all VMs of a process. Their own lock (flockfile) is held for as long as the C library
 * works on them, never while a script's code runs, and never during a wait that a poll can make. */
#ifndef BINDINGS_IO_FILE_H
#define BINDINGS_IO_FILE_H

#include <stdio.h>

#include "base/bytes.h"
#include "io/away.h"
#include "os/command.h"
#include "os/file_stream.h"

struct io_file_use {
  FILE *file;
  struct away_caller caller;
  bool is_closed;     /* another thread or task closes it: this call ends */
  struct bytes bytes; /* for the body; they are freed at the end */
  struct io_file_use *next;
};

struct io_file_command {
  FILE *file;   /* NULL: it is closed, and the end of the command has yet to be taken */
  bool is_left; /* nobody waits for that end: any call takes it */
  struct command command;
  struct io_file_command *next;
};

struct io_files {
  struct io_file_use *uses;
  struct io_file_command *commands;
  const void *metatable; /* of files */
  futex_word changes;    /* counts ends of uses for which somebody waits */
  unsigned waiters;
  int32_t pid;         /* of the process that the uses are of */
  bool tells_ends;     /* os.execute and close tell how a command ended, as from Lua 5.2 on */
  bool flushes_prints; /* print gives its line to the system; Lua 5.1's and LuaJIT's do not */
};

/* The first upvalue of each C function of this room is the state, as a userdata. */
enum { IO_FILES_UPVALUE = 1 };
static inline struct io_files *io_files_here(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(IO_FILES_UPVALUE));
}
/* The same anywhere. */
struct io_files *io_files_of(lua_State *L);
/* Makes the state, and keeps Lua's own `functions` (key -> function, on top) with it; pops them and pushes the
 * state. [-1, +1, memory] */
struct io_files *io_files_new(lua_State *L);
/* Pushes Lua's own function of that key: "close" is the method, "io.open" the library's. [-0, +1] */
void io_files_push_original(lua_State *L, const char *key);

/* The FILE of the userdata at `index`; raises as Lua's library does for what is no file, or a closed one.
 * [-0, +0, raises] */
FILE *io_file_check(lua_State *L, int index);
/* The FILE of a userdata that is a file; NULL: it is closed. */
FILE *io_file_at(lua_State *L, int index);
/* What a call reads that is to read the FILE. The lines on the standard input of a program are the program's: its workers
 * have an empty one, also those that are threads of its process. [-0, +0] */
FILE *io_file_source(lua_State *L, FILE *f);
/* Pushes a new file of ours, closed as yet. Then io_file_set opens it. NULL is no FILE. [-0, +1, raises] */
void io_file_push(lua_State *L);
void io_file_set(lua_State *L, int index, FILE *file);
/* The same with a stream to or from a command, which it starts. The file is ours. -errno: it is closed. */
MUST_CHECK status io_file_set_command(lua_State *L, int index, const char *text,
                                      enum command_stream direction) REQUIRES(rank_vm);
/* The end of a command that nobody waits for any more is taken later. */
void io_files_leave_command(struct io_files *s, const struct command *command);
/* Takes the ends of those, and of commands whose files were collected, where they have come. */
void io_files_take_ends(struct io_files *s);
/* Whether the file at `index` is ours to close. [-0, +0] */
bool io_file_is_ours(lua_State *L, int index);

/* Whether a call uses it now, so that others have to wait. */
bool io_file_is_used(const struct io_files *s, const FILE *file);
/* Runs `body` as io_file_use does, for a FILE that no call closes. [-n, +m, raises] */
int io_file_use_stream(lua_State *L, FILE *file, lua_CFunction body) REQUIRES(rank_vm);
/* Runs `body` as the use of the file at `index`, with all that is on the stack; its results are the caller's. It waits
 * until no other call uses the file. `body` finds the use by io_file_current. Errors of `body` are passed on; a
 * file that was closed meanwhile is an error. [-n, +m, raises] */
int io_file_use(lua_State *L, int index, lua_CFunction body) REQUIRES(rank_vm);
/* The use that the caller, a body, was called for. */
struct io_file_use *io_file_current(lua_State *L);
/* For the body: raises where a wait ended without success. [raises] */
void io_file_raise(lua_State *L, const struct io_file_use *u, status st);

/* Closes the file at `index`, as its method `close` does: a use of it ends first. The results of `close` are on top;
 * returns how many. [-0, +n, raises] */
int io_file_close(lua_State *L, int index) REQUIRES(rank_vm);
/* The file is garbage: closes it. The end of its command is taken by a later call, or waited for when the VM
 * ends. [-0, +0] */
void io_file_collect(lua_State *L, int index);

#endif
