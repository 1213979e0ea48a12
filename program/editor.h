/* SPDX-License-Identifier: MIT */
/* Reading one line of input, with line editing if possible.
 *
 * Line editing and history come from readline or libedit, if one is installed and input is a
 * terminal. They are opened with dlopen, so the program neither links nor needs them. Their common
 * callback interface leaves the waiting, and so the handling of Ctrl-C, to this program (ctrl_c.h).
 * The history is kept in a file (history.h), whichever library there is: their own formats differ.
 *
 * Alt-Enter begins a further line without running the statement, and a pasted text of several lines is one statement, both
 * with readline. Tab completes the word before the cursor, a name of Lua, from what the owner offers. At the begin of a further line of a
 * statement, Tab is an indent.
 */
#ifndef PROGRAM_EDITOR_H
#define PROGRAM_EDITOR_H

#include <stdbool.h>

#include "history.h"
#include "state/vm.h"

/* What the owner of an editor offers for completion. */
struct editor_owner {
  struct vm *vm; /* lines are waited for outside of it */
  /* Returns how many names the word at the end of `line` may become. */
  int (*find_names)(struct vm *vm, const char *line, size_t length);
  /* One of those that were found last, from 0 on; valid until the next call of either. NULL: there is none. */
  const char *(*name)(struct vm *vm, int place);
};

/* Functions and variables of the library that complete; all or none. */
struct editor_completion {
  char **(*matches)(const char *text, char *(*next)(const char *text, int state));
  int (*insert)(const char *text);
  char **(**attempt)(const char *text, int start, int end);
  const char **break_characters;
  char **line;
  int *is_over;          /* no names of files instead */
  int *append_character; /* behind a completed name */
};

struct editor {
  /* The library's functions. `install` is NULL without a library; lines are then read unedited. */
  void (*install)(const char *prompt, void (*on_line)(char *line));
  void (*read_char)(void);
  void (*remove)(void);
  void (*clean_up_after_signal)(void); /* NULL in libedit */
  void (*remember)(const char *line);
  struct editor_completion completion;
  struct editor_owner owner;
  struct history history;
  char *line; /* the argument of on_line */
  bool has_line;
  int names_given;
  bool is_further; /* not the first line of a statement */
};

enum line {
  LINE_READ,
  LINE_GIVEN_UP, /* Ctrl-C */
  LINE_END,      /* of input */
};

void editor_open(struct editor *e, const struct editor_owner *owner);
void editor_close(struct editor *e);
/* Whether a person types. */
bool editor_is_interactive(void);
enum place { FIRST_LINE, FURTHER_LINE };
/* Reads a line into *line, without its newline; the caller frees it. Unless the result is
 * LINE_READ, *line is unchanged. */
enum line editor_read(struct editor *e, const char *prompt, enum place place, char **line);
/* Appends a statement to the history. */
void editor_remember(struct editor *e, const char *text);

#endif
