/* SPDX-License-Identifier: MIT */
/* Keys of the registry: the table that bindings/lua/prompt/prompt.lua gives, and the names found last. */
#include "prompt.h"

#include <stdbool.h>
#include <stdio.h>

#include "ctrl_c.h"
#include "library.h"
#include "state/lua_compat.h"
#include "state/originals.h"

static const char functions_key;
static const char names_key;

/* ---- opening --------------------------------------------------------------------------------- */

/* → the public table */
static int push_library(lua_State *L) {
  originals_push(L, "_G", "require");
  if (lua_isnil(L, -1)) lua_getglobal(L, "require");
  lua_pushliteral(L, "manymoons");
  lua_call(L, 1, 1);
  return 1;
}

static int open_prompt(lua_State *L) {
  push_library(L);
  lua_getfield(L, -1, "_require");
  lua_pushliteral(L, "prompt.prompt");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "begin");
  lua_pushvalue(L, -3);
  lua_call(L, 1, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &functions_key);
  return 0;
}

void prompt_open(lua_State *L) {
  lua_pushcfunction(L, open_prompt);
  if (lua_pcall(L, 0, 0, 0)) lua_pop(L, 1);
}

/* ---- calling --------------------------------------------------------------------------------- */

/* [-0, +1 if true] */
static bool push_function(lua_State *L, const char *name) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

/* Calls a function of the prompt. False: there is none, or it failed. [-arguments, +results if true] */
static bool call(lua_State *L, const char *name, int arguments, int results) {
  const int base = lua_gettop(L) - arguments;
  if (push_function(L, name)) {
    lua_insert(L, base + 1);
    if (lua_pcall(L, arguments, results, 0) == LUA_OK) return true;
  }
  lua_settop(L, base);
  return false;
}

void prompt_greet(lua_State *L) {
  if (!push_function(L, "hint")) return;
  printf("%s\n", lua_tostring(L, -1));
  fflush(stdout);
  lua_pop(L, 1);
}

void prompt_push_echo(lua_State *L) {
  if (!push_function(L, "echo")) lua_getglobal(L, "print");
}

void prompt_begin_line(lua_State *L, const char *text) {
  (void)!call(L, "begin_line", 0, 0);
  lua_pushstring(L, text);
  if (!call(L, "note_of", 1, 1)) return;
  if (lua_isstring(L, -1)) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_pop(L, 1);
}

/* A second press of Ctrl-C ends the end. */
void prompt_end_interrupted(lua_State *L) {
  (void)!call(L, "end_interrupted", 0, 0);
  for (int i = 0; i < 2; i++) lua_gc(L, LUA_GCCOLLECT, 0); /* a pool of the line; then its workers */
}

/* ---- names ----------------------------------------------------------------------------------- */

int prompt_find_names(struct vm *vm, const char *line, size_t length) {
  lua_State *L = vm_lua(vm);
  if (!lua_checkstack(L, LUA_MINSTACK)) return 0;
  lua_pushlstring(L, line, length);
  if (!call(L, "candidates", 1, 1)) return 0;
  const int count = (int)lua_rawlen(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
  return count;
}

const char *prompt_name(struct vm *vm, int place) {
  lua_State *L = vm_lua(vm);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
  lua_rawgeti(L, -1, place + 1);
  const char *name = lua_tostring(L, -1);
  lua_pop(L, 2);
  return name; /* the table in the registry keeps it */
}
