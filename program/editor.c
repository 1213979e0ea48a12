/* SPDX-License-Identifier: MIT */
#include "editor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctrl_c.h"

/* The editor that reads: the libraries' callbacks have no context argument. Listed in
 * vm/README.md. */
static struct editor *reading;

/* ---- the libraries --------------------------------------------------------------------------- */

static void *find(void *library, const char *name) { return dlsym(library, name); }

/* False: the library lacks what is needed. ISO C has no conversion from dlsym's result;
 * POSIX means this one. */
static bool bind(struct editor *e, void *library) {
  *(void **)&e->install = find(library, "rl_callback_handler_install");
  *(void **)&e->read_char = find(library, "rl_callback_read_char");
  *(void **)&e->remove = find(library, "rl_callback_handler_remove");
  *(void **)&e->clean_up_after_signal = find(library, "rl_callback_sigcleanup");
  *(void **)&e->remember = find(library, "add_history");
  return e->install && e->read_char && e->remove && e->remember;
}

/* Sets the application name, which conditions in ~/.inputrc test. */
static void introduce(void *library) {
  const char **name = find(library, "rl_readline_name");
  if (name) *name = "manymoons";
}

void editor_open(struct editor *e) {
  static const char *const libraries[] = {"libreadline.so.8", "libedit.so.2"};
  *e = (struct editor){0};
  if (!isatty(STDIN_FILENO)) return;
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) continue;
    if (bind(e, library)) {
      introduce(library);
      return;
    }
    *e = (struct editor){0};
    dlclose(library);
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
    if (!ctrl_c_wait_readable(STDIN_FILENO)) {
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
