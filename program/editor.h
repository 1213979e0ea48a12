/* SPDX-License-Identifier: MIT */
/* Reading one line of input, with line editing if possible.
 *
 * Line editing and history come from readline or libedit, if one is installed and input is a
 * terminal. They are opened with dlopen, so the program neither links nor needs them. Their common
 * callback interface leaves the waiting, and so the handling of Ctrl-C, to this program (ctrl_c.h).
 * The history lives as long as the program.
 */
#ifndef PROGRAM_EDITOR_H
#define PROGRAM_EDITOR_H

#include <stdbool.h>

struct editor {
  /* The library's functions. `install` is NULL without a library; lines are then read unedited. */
  void (*install)(const char *prompt, void (*on_line)(char *line));
  void (*read_char)(void);
  void (*remove)(void);
  void (*clean_up_after_signal)(void); /* NULL in libedit */
  void (*remember)(const char *line);
  char *line; /* the argument of on_line */
  bool has_line;
};

enum line {
  LINE_READ,
  LINE_GIVEN_UP, /* Ctrl-C */
  LINE_END,      /* of input */
};

void editor_open(struct editor *e);
/* Reads a line into *line, without its newline; the caller frees it. Unless the result is
 * LINE_READ, *line is unchanged. */
enum line editor_read(struct editor *e, const char *prompt, char **line);
/* Appends a line to the history. */
void editor_remember(const struct editor *e, const char *text);

#endif
