/* SPDX-License-Identifier: MIT */
/* Read, evaluate, print.
 *
 * Line editing and history come from readline or libedit, if either is there and input is a terminal: found
 * with dlopen, so that the program neither links nor needs them. The history lives as long as the program.
 */
#include "repl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "state/vm_interrupt.h"

struct editor {
  char *(*read)(const char *prompt); /* NULL: plain input */
  void (*remember)(const char *line);
};

void repl_print_version(void) {
  fputs("manymoons " MANYMOONS_VERSION " (" LUA_RELEASE ")\n", stdout);
  fflush(stdout);
}

static struct editor find_editor(void) {
  static const char *const libraries[] = {"libreadline.so.8", "libedit.so.2"};
  struct editor e = {NULL, NULL};
  if (!isatty(STDIN_FILENO)) return e;
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !e.read; i++) {
    void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) continue;
    *(void **)&e.read = dlsym(library, "readline");
    *(void **)&e.remember = dlsym(library, "add_history");
  }
  return e;
}

static char *read_plain(const char *prompt) {
  fputs(prompt, stdout);
  fflush(stdout);
  char *line = NULL;
  size_t size = 0;
  const ssize_t length = getline(&line, &size, stdin);
  if (length < 0) {
    free(line);
    return NULL;
  }
  if (length > 0 && line[length - 1] == '\n') line[length - 1] = '\0';
  return line;
}

/* _PROMPT and _PROMPT2, as in lua. [-0, +1] */
static const char *push_prompt(lua_State *L, const char *name, const char *usual) {
  if (lua_getglobal(L, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return lua_pushstring(L, usual);
  }
  const char *prompt = luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  return prompt;
}

/* Pushes the next line; false at the end of input. */
static bool push_line(lua_State *L, const struct editor *e, const char *name, const char *usual) {
  const char *prompt = push_prompt(L, name, usual);
  char *line = e->read ? e->read(prompt) : read_plain(prompt);
  lua_pop(L, 1);
  if (!line) return false;
  lua_pushstring(L, line);
  free(line);
  return true;
}

static bool is_incomplete(lua_State *L, int state) {
  static const char mark[] = "<eof>";
  if (state != LUA_ERRSYNTAX) return false;
  size_t length = 0;
  const char *message = lua_tolstring(L, -1, &length);
  return length >= sizeof mark - 1 && strcmp(message + length - (sizeof mark - 1), mark) == 0;
}

/* The line as an expression: "return <line>". The line stays below. */
static bool load_expression(lua_State *L) {
  const char *line = lua_tostring(L, -1);
  const char *text = lua_pushfstring(L, "return %s", line[0] == '=' ? line + 1 : line);
  const int state = luaL_loadbuffer(L, text, strlen(text), "=stdin");
  lua_remove(L, -2);
  if (state == LUA_OK) return true;
  lua_pop(L, 1);
  return false;
}

/* The line as statements, with more lines while it is incomplete. Leaves the text, then the chunk or the
 * error. */
static int load_statements(lua_State *L, const struct editor *e) {
  for (;;) {
    size_t size = 0;
    const char *text = lua_tolstring(L, 1, &size);
    const int state = luaL_loadbuffer(L, text, size, "=stdin");
    if (!is_incomplete(L, state) || !push_line(L, e, "_PROMPT2", ">> ")) return state;
    lua_remove(L, -2);
    lua_pushliteral(L, "\n");
    lua_insert(L, -2);
    lua_concat(L, 3);
  }
}

static void print_results(lua_State *L) {
  const int count = lua_gettop(L);
  if (count == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  if (main_call(L, count, 0)) {
    lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1));
    main_report(L);
  }
}

/* An interrupt ends what ran, and the next line starts afresh. */
static void settle(lua_State *L, int state) {
  struct vm *vm = vm_of(L);
  const bool was_interrupted = vm_should_stop(vm);
  vm_clear_stop(vm);
  if (was_interrupted) {
    lua_settop(L, 0);
    fputs("interrupted\n", stderr);
  } else if (state == LUA_OK) {
    print_results(L);
  } else {
    main_report(L);
  }
}

void repl_run(lua_State *L) {
  const struct editor editor = find_editor();
  lua_settop(L, 0);
  while (push_line(L, &editor, "_PROMPT", "> ")) {
    int state = load_expression(L) ? LUA_OK : load_statements(L, &editor);
    const char *text = lua_tostring(L, 1);
    if (editor.remember && text[0] != '\0') editor.remember(text);
    lua_remove(L, 1);
    if (state == LUA_OK) state = main_call(L, 0, LUA_MULTRET);
    settle(L, state);
    lua_settop(L, 0);
  }
  fputs("\n", stdout);
  fflush(stdout);
}
