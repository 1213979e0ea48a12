/* SPDX-License-Identifier: MIT */
/* A run over the lines of a text: a Lua function is called with each line, and what it returns is written into one text.
 *
 * The loop is in C, and so are the common results: strings and numbers go into the output without becoming Lua
 * strings first. An error of the function leaves the run at the line that raised it: the caller skips that line, or
 * runs it again. The output has whole lines alone: nothing of a line that raised is in it.
 *
 * A run belongs to the thread that made it; the function may wait, as everywhere. */
#ifndef BINDINGS_MAP_LINE_RUN_H
#define BINDINGS_MAP_LINE_RUN_H

#include "core/arguments.h"

/* line_run_new(first number, "lines" or "piece") → a run; a piece is one item, newlines and all. Its methods get the
 * text again at each call:
 *   run(f, text, most)  calls f(line, number) for at most so many lines, from the present one on
 *   line(text)          the present line; nil at the end
 *   skip(text)          the next one is present then
 *   is_over(text)       whether there is no further line
 *   number()            of the present line
 *   written()           how many bytes the output has
 *   output()            what was written, as a string
 * [-0, +1, raises] */
int line_run_new(lua_State *L);
/* cut_lines(text, from, bytes, lines) → the place behind whole lines from the place `from` on, of at most so many bytes
 * together and at most so many; and how many lines these are. The first one may be longer. 0 lines: there is no end of a
 * line. [-0, +2, raises] */
int line_run_cut_call(lua_State *L);
/* last_line_end(text) → the place of its last newline; 0: there is none. [-0, +1, raises] */
int line_run_last_call(lua_State *L);

#endif
