/* SPDX-License-Identifier: MIT */
/* One line of input, edited where it can be.
 *
 * Line editing and history come from readline or libedit, if either is there and input is a terminal: found
 * with dlopen, so that the program neither links nor needs them. Their callback interface is used, which both
 * have: the waiting is ours, and so Ctrl-C is (ctrl_c.h). The history lives as long as the program.
 */
#ifndef PROGRAM_EDITOR_H
#define PROGRAM_EDITOR_H

#include <stdbool.h>

struct editor {
  /* The library's functions; `install` is NULL where there is none, and lines are read plainly. */
  void (*install)(const char *prompt, void (*on_line)(char *line));
  void (*read_char)(void);
  void (*remove)(void);
  void (*clean_up_after_signal)(void); /* readline alone has it */
  void (*remember)(const char *line);
  char *line; /* what on_line brought */
  bool has_line;
};

enum line {
  LINE_READ,
  LINE_GIVEN_UP, /* Ctrl-C */
  LINE_END,      /* of input */
};

void editor_open(struct editor *e);
/* Reads a line, without its newline, into *line, which is the caller's to free. Untouched
 * unless LINE_READ. */
enum line editor_read(struct editor *e, const char *prompt, char **line);
void editor_remember(const struct editor *e, const char *text);

#endif
