/* SPDX-License-Identifier: MIT */
/* The terminal on stderr, for progress bars (terminal/bars.lua): its size, output in one piece, and the rows at its
 * foot that the bars of the program share (shared/bar_rows.h). */
#ifndef BINDINGS_TERMINAL_TERMINAL_ROWS_H
#define BINDINGS_TERMINAL_TERMINAL_ROWS_H

#include "state/lua_compat.h"

/* [descriptor] → columns and rows; nothing if stderr, or the descriptor, is no terminal, or a dumb one, and in a sandboxed worker, which shares no rows
 * with the program. [-0, +0 or +2, memory] */
int terminal_size_call(lua_State *L);
/* text: written to the terminal in one piece. [-0, +0, raises] */
int terminal_write_call(lua_State *L);
/* → the number of a row, from 0; nothing: there is none. [-0, +0 or +1, raises] */
int terminal_take_row(lua_State *L);
int terminal_give_row(lua_State *L); /* row */
/* → so many rows are to be kept from the text, so many were. [-0, +2, memory] */
int terminal_reserve_rows(lua_State *L);

/* For a process that ends without its bars' being closed: gives all of the terminal back to the text.
 * Async-signal-safe. */
void terminal_rows_leave(void);

#endif
