/* SPDX-License-Identifier: MIT */
#include "editor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctrl_c.h"
#include "os/library.h"
#include "os/terminal.h"

/* The editor that reads: the libraries' callbacks have no context argument. Listed in
 * vm/README.md. */
static struct editor *reading;

/* ---- the libraries --------------------------------------------------------------------------- */

/* The name at the next place, in memory of malloc. */
static char *next_name(const char *text, int state) {
  (void)text;
  if (state == 0) reading->names_given = 0;
  const char *name = reading->owner.name(reading->owner.vm, reading->names_given++);
  return name ? strdup(name) : NULL;
}

static bool is_blank(const char *line, int length) { return (int)strspn(line, " \t") >= length; }

static char **complete(const char *text, int start, int end) {
  (void)start;
  const struct editor_completion *c = &reading->completion;
  *c->is_over = 1;
  *c->append_character = '\0';
  if (reading->is_further && is_blank(*c->line, end)) {
    c->insert("\t");
    return NULL;
  }
  const int count = reading->owner.find_names(reading->owner.vm, *c->line, (size_t)end);
  return count > 0 ? c->matches(text, next_name) : NULL;
}

static int insert_newline(int count, int key) {
  (void)count;
  (void)key;
  return reading->completion.insert("\n");
}

/* Alt-Enter, in readline alone. The user's ~/.inputrc is read later and may bind it otherwise. */
static void bind_newline(void *library) {
  int (*bind_key)(const char *keys, int (*command)(int count, int key)) = NULL;
  const struct library_symbol of_readline = {"rl_bind_keyseq", &bind_key};
  if (library_find(library, &of_readline, 1)) (void)bind_key("\\e\\C-m", insert_newline);
}

static void bind_completion(struct editor *e, void *library) {
  struct editor_completion *c = &e->completion;
  const struct library_symbol needed[] = {{"rl_completion_matches", &c->matches},
                                          {"rl_insert_text", &c->insert},
                                          {"rl_attempted_completion_function", &c->attempt},
                                          {"rl_basic_word_break_characters", &c->break_characters},
                                          {"rl_line_buffer", &c->line},
                                          {"rl_attempted_completion_over", &c->is_over},
                                          {"rl_completion_append_character", &c->append_character}};
  if (!library_find(library, needed, sizeof needed / sizeof *needed)) return;
  bind_newline(library);
  *c->attempt = complete;
  *c->break_characters = " \t\n\"\\'`@$><=;|&{(.:[]})+-*/%^#~,!?";
}

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

static void bind_any(struct editor *e) {
  static const char *const libraries[] = {"libreadline.so.8", "libedit.so.2"};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    void *library = library_open(&libraries[i], 1);
    if (!library) continue;
    if (bind(e, library)) {
      introduce(library);
      bind_completion(e, library);
      return;
    }
    e->install = NULL;
  }
}

static void recall(void *context, const char *entry) {
  const struct editor *e = context;
  e->remember(entry);
}

bool editor_is_interactive(void) { return terminal_is(TERMINAL_INPUT); }

void editor_open(struct editor *e, const struct editor_owner *owner) {
  *e = (struct editor){.owner = *owner};
  if (!editor_is_interactive()) return;
  bind_any(e);
  history_open(&e->history);
  if (e->install) history_each(&e->history, recall, e);
}

void editor_close(struct editor *e) { history_close(&e->history); }

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
    if (!ctrl_c_wait_readable(e->owner.vm, TERMINAL_INPUT)) {
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

/* As ctrl_c_wait_readable. */
static enum line read_plain(struct vm *vm, const char *prompt, char **line) NO_THREAD_SAFETY_ANALYSIS {
  fputs(prompt, stdout);
  fflush(stdout);
  char *text = NULL;
  size_t size = 0;
  vm_leave(vm);
  const ssize_t length = getline(&text, &size, stdin);
  vm_enter(vm);
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

enum line editor_read(struct editor *e, const char *prompt, enum place place, char **line) {
  e->is_further = place == FURTHER_LINE;
  return e->install ? read_edited(e, prompt, line) : read_plain(e->owner.vm, prompt, line);
}

void editor_remember(struct editor *e, const char *text) {
  if (editor_is_interactive() && history_add(&e->history, text) && e->install) e->remember(text);
}
