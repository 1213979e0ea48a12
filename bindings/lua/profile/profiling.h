/* SPDX-License-Identifier: MIT */
/* A profile of this program (vm/profile), for Lua: starting, reading and ending it. */
#ifndef BINDINGS_PROFILE_PROFILING_H
#define BINDINGS_PROFILE_PROFILING_H

#include "state/lua_compat.h"

int profile_start(lua_State *L); /* samples a second → true, or nil and why */
int profile_stop(lua_State *L);  /* ends the profile, and gives its memory back → nothing */
/* (), or (pid, generation [, sheets at most]) of a program that was attached to → a list of processes, each { pid, dropped,
 * stacks, frames }. A stack is { parent, frame, times…, samples, time of the last one, state then }, or { 0, 0, … } with thread, vm, heap, name and world for the root of a thread; a frame is { source, name,
 * line, line_defined, language }. Numbers refer to the lists of the same process. Or nil and why. */
int profile_read(lua_State *L);
int profile_states(lua_State *L); /* → the names of the times, in their order */

#endif
