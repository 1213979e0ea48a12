/* SPDX-License-Identifier: MIT */
#include "chunk.h"

#include <stdio.h>
#include <string.h>

#include "ctrl_c.h"
#include "state/error.h"
#include "state/method_hint.h"
#include "state/traceback.h"

/* The message handler: adds a traceback, except to an error object with __tostring, of which it
 * takes the text alone: called from here, at the level of the stack that it has in the program lua. */
static int explain(lua_State *L) {
  if (ctrl_c_was_pressed()) return 1;
  const bool is_text = lua_isstring(L, 1);
  if (!is_text && luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
  const char *text =
      is_text ? lua_tostring(L, 1) : lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  lua_pushstring(L, text);
  method_hint_add(L, L, 1);
  traceback_push(L, L, lua_tostring(L, -1), 1);
  return 1;
}

int chunk_call(lua_State *L, int arguments, int results) {
  const int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, explain);
  lua_insert(L, base);
  const int state = lua_pcall(L, arguments, results, base);
  lua_remove(L, base);
  return state;
}

/* Flushes stdout first, so that earlier output precedes the error if both go to the same file. */
void chunk_report(lua_State *L, enum chunk_voice voice) {
  fflush(stdout);
  fprintf(stderr, "%s%s\n", voice == CHUNK_VOICE_PROGRAM ? "manymoons: " : "", error_text(L));
  lua_pop(L, 1);
}

bool chunk_succeeded(lua_State *L, int state) {
  if (state == LUA_OK) return true;
  if (ctrl_c_was_pressed())
    lua_pop(L, 1);
  else
    chunk_report(L, CHUNK_VOICE_PROGRAM);
  return false;
}

bool chunk_run_text(lua_State *L, const char *text, const char *name) {
  const int state = luaL_loadbuffer(L, text, strlen(text), name);
  return chunk_succeeded(L, state == LUA_OK ? chunk_call(L, 0, 0) : state);
}

bool chunk_run_file(lua_State *L, const char *name) {
  const int state = luaL_loadfile(L, name);
  return chunk_succeeded(L, state == LUA_OK ? chunk_call(L, 0, 0) : state);
}

static int set_global(lua_State *L) {
  lua_pushglobaltable(L);
  lua_insert(L, 1);
  lua_settable(L, 1);
  return 0;
}

/* The assignment is protected too: a metatable of _G may raise. */
bool chunk_require(lua_State *L, const char *text) {
  const char *equals = strchr(text, '=');
  lua_pushcfunction(L, set_global);
  lua_pushlstring(L, text, equals ? (size_t)(equals - text) : strlen(text));
  lua_getglobal(L, "require");
  lua_pushstring(L, equals ? equals + 1 : text);
  const int state = chunk_call(L, 1, 1);
  if (state == LUA_OK) return chunk_succeeded(L, lua_pcall(L, 2, 0, 0));
  const bool has_succeeded = chunk_succeeded(L, state);
  lua_pop(L, 2);
  return has_succeeded;
}
