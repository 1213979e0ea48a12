/* SPDX-License-Identifier: MIT */
/* The stack has the text typed so far at TEXT, and above it the compiled chunk or an error. */
#include "repl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "ctrl_c.h"
#include "editor.h"
#include "prompt.h"

enum { TEXT = 1 };

static const char chunk_name[] = "=stdin";

struct prompt {
  const char *global; /* scripts may set it */
  const char *usual;
  enum place place;
};
static const struct prompt first_prompt = {"_PROMPT", "> ", FIRST_LINE};
static const struct prompt next_prompt = {"_PROMPT2", ">> ", FURTHER_LINE};

/* ---- reading --------------------------------------------------------------------------------- */

/* [-0, +1] */
static const char *push_prompt(lua_State *L, const struct prompt *p) {
  lua_getglobal(L, p->global);
  if (lua_isnil(L, -1))
    lua_pushstring(L, p->usual);
  else
    luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  return lua_tostring(L, -1);
}

/* [-0, +1 if LINE_READ] */
static enum line push_line(lua_State *L, struct editor *e, const struct prompt *p) {
  char *line = NULL;
  const enum line got = editor_read(e, push_prompt(L, p), p->place, &line);
  lua_pop(L, 1);
  if (got != LINE_READ) return got;
  lua_pushstring(L, line);
  free(line);
  return LINE_READ;
}

static enum line push_first_line(lua_State *L, struct editor *e) {
  const enum line got = push_line(L, e, &first_prompt);
  if (got != LINE_READ || lua_tostring(L, TEXT)[0] != '=') return got;
  lua_pushfstring(L, "return %s", lua_tostring(L, TEXT) + 1);
  lua_replace(L, TEXT);
  return got;
}

/* Appends a line to the text. */
static enum line append_line(lua_State *L, struct editor *e) {
  const enum line got = push_line(L, e, &next_prompt);
  if (got != LINE_READ) return got;
  lua_pushfstring(L, "%s\n%s", lua_tostring(L, TEXT), lua_tostring(L, -1));
  lua_replace(L, TEXT);
  lua_settop(L, TEXT);
  return got;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static int load(lua_State *L, const char *text) { return luaL_loadbuffer(L, text, strlen(text), chunk_name); }

/* Compiles the text as an expression. [-0, +1 if true] */
static bool load_expression(lua_State *L) {
  const int state = load(L, lua_pushfstring(L, "return %s", lua_tostring(L, TEXT)));
  lua_remove(L, TEXT + 1);
  if (state != LUA_OK) lua_pop(L, 1);
  return state == LUA_OK;
}

/* Whether the only syntax error is that the text ends too soon. */
static bool is_incomplete(lua_State *L, int state) {
  static const char mark[] = LUA_END_MARK;
  if (state != LUA_ERRSYNTAX) return false;
  size_t length = 0;
  const char *message = lua_tolstring(L, -1, &length);
  return length >= sizeof mark - 1 && strcmp(message + length - (sizeof mark - 1), mark) == 0;
}

/* Compiles the text as statements, and reads more lines while it is incomplete. At the end of input
 * an incomplete text is a syntax error. [-0, +1 unless LINE_GIVEN_UP] */
static enum line load_statements(lua_State *L, struct editor *e, int *state) {
  for (;;) {
    *state = load(L, lua_tostring(L, TEXT));
    if (!is_incomplete(L, *state)) return LINE_READ;
    const enum line got = append_line(L, e);
    if (got == LINE_END) return LINE_READ;
    if (got == LINE_GIVEN_UP) return got;
  }
}

/* Leaves the text, and above it the chunk or the syntax error. */
static enum line read_chunk(lua_State *L, struct editor *e, int *state) {
  enum line got = push_first_line(L, e);
  if (got != LINE_READ) return got;
  *state = LUA_OK;
  if (!load_expression(L)) got = load_statements(L, e, state);
  editor_remember(e, lua_tostring(L, TEXT));
  return got;
}

/* ---- evaluating ------------------------------------------------------------------------------ */

/* Shows the values above the text. [-n, +0] */
static void show_values(lua_State *L) {
  const int count = lua_gettop(L) - TEXT;
  if (count == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  prompt_push_echo(L);
  lua_insert(L, TEXT + 1);
  if (lua_pcall(L, count, 0, 0) == LUA_OK || ctrl_c_was_pressed()) return;
  lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1));
  chunk_report(L, CHUNK_VOICE_REPL);
}

/* The chunk is above its text. */
static void evaluate(lua_State *L, int state) {
  if (state == LUA_OK) {
    prompt_begin_line(L, lua_tostring(L, TEXT));
    state = chunk_call(L, 0, LUA_MULTRET);
  }
  if (ctrl_c_was_pressed()) return;
  if (state == LUA_OK)
    show_values(L);
  else
    chunk_report(L, CHUNK_VOICE_REPL);
}

static void end_interrupted(lua_State *L) {
  fflush(stdout);
  fputs("interrupted\n", stderr);
  ctrl_c_settle();
  lua_settop(L, 0);
  prompt_end_interrupted(L);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* False: end of input. */
static bool do_line(lua_State *L, struct editor *e) {
  int state = LUA_OK;
  const enum line got = read_chunk(L, e, &state);
  if (got == LINE_READ) {
    evaluate(L, state);
    if (ctrl_c_was_pressed()) end_interrupted(L);
  }
  if (ctrl_c_was_pressed()) ctrl_c_settle();
  lua_settop(L, 0);
  return got != LINE_END;
}

void repl_run(lua_State *L) {
  const struct editor_owner owner = {vm_of(L), prompt_find_names, prompt_name};
  struct editor editor;
  lua_settop(L, 0);
  prompt_open(L);
  if (editor_is_interactive()) prompt_greet(L);
  editor_open(&editor, &owner);
  while (do_line(L, &editor)) continue;
  editor_close(&editor);
  fputs("\n", stdout);
  fflush(stdout);
}
