/* SPDX-License-Identifier: MIT */
#include "editor.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctrl_c.h"
#include "os/library.h"
#include "os/terminal.h"

/* The editor that reads: the libraries' callbacks have no context argument. Listed in
 * vm/README.md. */
static struct editor *reading;

/* ---- the libraries --------------------------------------------------------------------------- */

/* False: the library lacks a function. */
static bool bind(struct editor *e, void *library) {
  const struct library_symbol needed[] = {{"rl_callback_handler_install", &e->install},
                                          {"rl_callback_read_char", &e->read_char},
                                          {"rl_callback_handler_remove", &e->remove},
                                          {"add_history", &e->remember}};
  const struct library_symbol of_readline = {"rl_callback_sigcleanup", &e->clean_up_after_signal};
  if (!library_find(library, needed, sizeof needed / sizeof *needed)) return false;
  (void)library_find(library, &of_readline, 1);
  return true;
}

/* Sets the application name, which conditions in ~/.inputrc test. */
static void introduce(void *library) {
  const char **name = library_symbol(library, "rl_readline_name");
  if (name) *name = "manymoons";
}

void editor_open(struct editor *e) {
  static const char *const libraries[] = {"libreadline.so.8", "libedit.so.2"};
  *e = (struct editor){0};
  if (!terminal_is(TERMINAL_INPUT)) return;
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    void *library = library_open(&libraries[i], 1);
    if (!library) continue;
    if (bind(e, library)) {
      introduce(library);
      return;
    }
    *e = (struct editor){0};
  }
}

/* ---- an edited line -------------------------------------------------------------------------- */

/* `line` NULL: end of input. Restores the terminal at once, because the code that runs next may
 * read from it. */
static void on_line(char *line) {
  reading->line = line;
  reading->has_line = true;
  reading->remove();
}

static void give_up(const struct editor *e) {
  if (e->clean_up_after_signal) e->clean_up_after_signal();
  e->remove();
  fputs("^C\n", stdout);
  fflush(stdout);
}

static enum line read_edited(struct editor *e, const char *prompt, char **line) {
  reading = e;
  e->line = NULL;
  e->has_line = false;
  e->install(prompt, on_line);
  while (!e->has_line) {
    if (!ctrl_c_wait_readable(TERMINAL_INPUT)) {
      give_up(e);
      return LINE_GIVEN_UP;
    }
    e->read_char();
  }
  if (!e->line) return LINE_END;
  *line = e->line;
  return LINE_READ;
}

/* ---- a plain line ---------------------------------------------------------------------------- */

static enum line read_plain(const char *prompt, char **line) {
  fputs(prompt, stdout);
  fflush(stdout);
  char *text = NULL;
  size_t size = 0;
  const ssize_t length = getline(&text, &size, stdin);
  if (length >= 0 && !ctrl_c_was_pressed()) {
    if (length > 0 && text[length - 1] == '\n') text[length - 1] = '\0';
    if (!terminal_is(TERMINAL_INPUT)) puts(text); /* as readline does, so that the output can be read */
    *line = text;
    return LINE_READ;
  }
  free(text);
  if (!ctrl_c_was_pressed()) return LINE_END;
  clearerr(stdin);
  fputs("\n", stdout);
  return LINE_GIVEN_UP;
}

enum line editor_read(struct editor *e, const char *prompt, char **line) {
  return e->install ? read_edited(e, prompt, line) : read_plain(prompt, line);
}

void editor_remember(const struct editor *e, const char *text) {
  if (e->remember && text[0] != '\0') e->remember(text);
}
