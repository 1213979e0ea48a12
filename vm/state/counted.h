/* SPDX-License-Identifier: MIT */
/* Functions of Lua's library that may run for long without running Lua, again, such that they count
 * their steps: a stop ends them, and a VM that pauses does so in them (vm_interrupt.h). For scripts that
 * the program does not trust.
 *
 * They take the place of Lua's own in the tables of a VM that this library made, before any script runs.
 * Results, errors and metamethods are those of the VM's version of Lua, but for words of messages and the
 * order of equal elements after table.sort.
 *
 *   counted_strings.c  find, match, gmatch, gsub (patterns: matcher.h), rep
 *   counted_tables.c   concat, insert, remove, move, sort
 *   counted_base.c     collectgarbage; vm_libraries.c has load
 *
 * The others end after one pass over a string or a table, which the VM's memory limit bounds.
 */
#ifndef STATE_COUNTED_H
#define STATE_COUNTED_H

#include <lua.h>
#include <stddef.h>

/* Replaces the functions. [-0, +0, memory] */
void counted_install(lua_State *L);

/* A collection of all garbage, in a VM that pauses. [-0, +0, raises as vm_look_up] */
void counted_collect(lua_State *L);

/* A lua_Reader of text in memory, for a VM; its context is a struct counted_source. [raises as vm_look_up] */
struct counted_source {
  const char *text;
  size_t size;
};
const char *counted_read(lua_State *L, void *context, size_t *size);

/* For counted_base.c. */
void counted_install_strings(lua_State *L);
void counted_install_tables(lua_State *L);

#endif
