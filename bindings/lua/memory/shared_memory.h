/* SPDX-License-Identifier: MIT */
/* The handle inside a SharedMemory (memory/memory.lua): a named block that this VM has open; and the
 * names that go with the program.
 *
 * A name goes at the end of the program, also if a worker made it that has ended since: the segment
 * has a table of them (shared/named_blocks.h). When its maker is killed, program or worker, the
 * maker's tracker removes it (memory/tracker.h). */
#ifndef BINDINGS_MEMORY_SHARED_MEMORY_H
#define BINDINGS_MEMORY_SHARED_MEMORY_H

#include "core/arguments.h"

/* shared_memory_create(name, size, is_kept) → a handle of a new block; or nil and why. With is_kept the
 * name stays. */
int shared_memory_create(lua_State *L) REQUIRES(rank_vm);
/* shared_memory_open(name) → a handle; or nil and why */
int shared_memory_open(lua_State *L);
/* shared_memory_unlink(name) → true; or nil and why */
int shared_memory_unlink(lua_State *L);
/* shared_memory_end(): the calling worker, or the program, ends well. The program's own names are
 * unlinked before. */
int shared_memory_end(lua_State *L);
/* shared_memory_after_fork(): in a forked child. */
int shared_memory_after_fork(lua_State *L);

#endif
