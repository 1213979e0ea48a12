/* SPDX-License-Identifier: MIT */
/* What the prompt does in Lua (bindings/lua/prompt): how it shows values, completes names, and ends what an interrupted line
 * began.
 *
 * Each function calls Lua protected, and leaves the stack as it was. Where the library cannot be opened, for example without
 * shared memory, values are shown by `print`, and the rest does nothing. The functions of Lua are kept in the registry.
 */
#ifndef PROGRAM_PROMPT_H
#define PROGRAM_PROMPT_H

#include "state/vm.h"

/* Opens the library, and makes it the global `mm` if there is none. [-0, +0] */
void prompt_open(lua_State *L);
/* Prints a hint. [-0, +0] */
void prompt_greet(lua_State *L);
/* Pushes the function that shows the results of a line. [-0, +1] */
void prompt_push_echo(lua_State *L);
/* A line is about to run: notes what is there, and says what is to say of the line's text. [-0, +0] */
void prompt_begin_line(lua_State *L, const char *text);
/* Ends what the line began, and collects what it left. [-0, +0] */
void prompt_end_interrupted(lua_State *L);

/* See struct editor_owner. */
int prompt_find_names(struct vm *vm, const char *line, size_t length);
const char *prompt_name(struct vm *vm, int place);

#endif
