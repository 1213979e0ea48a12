/* SPDX-License-Identifier: MIT */
/* The environment of the library's own Lua files: the standard functions as they were when the library was
 * loaded, whatever the program does with its globals before and after.
 *
 * A standard library that the host has not opened is opened for these files alone. What is none of the
 * standard libraries' is read from the table of globals when it is used. As a value of a message the
 * environment is the receiver's table of globals. It is kept in the registry.
 */
#ifndef STATE_LIBRARY_ENVIRONMENT_H
#define STATE_LIBRARY_ENVIRONMENT_H

#include "state/lua_compat.h"

/* Pushes the environment, which the first call makes. Raises if the host lacks what it cannot give.
 * [-0, +1, raises] */
void library_environment_push(lua_State *L);
/* Pushes it, or nil if it was not made yet. [-0, +1] */
void library_environment_push_made(lua_State *L);
/* Pops the environment into the function below it on the stack. [-1, +0] */
void library_environment_set(lua_State *L);

#endif
