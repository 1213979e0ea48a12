/* SPDX-License-Identifier: MIT */
/* Running chunks as a stand-alone interpreter does: with a traceback, and errors told on stderr.
 *
 * An error that Ctrl-C raised is not told here: main.c says it once at the end, or the REPL by its prompt.
 */
#ifndef PROGRAM_CHUNK_H
#define PROGRAM_CHUNK_H

#include "state/lua_compat.h"

/* lua_pcall with a message handler that adds a traceback. [-(arguments + 1), +results or 1] */
int chunk_call(lua_State *L, int arguments, int results);

enum chunk_voice {
  CHUNK_VOICE_PROGRAM, /* "manymoons: message" */
  CHUNK_VOICE_REPL,    /* the message alone */
};
/* Tells the error on top. [-1, +0] */
void chunk_report(lua_State *L, enum chunk_voice voice);
/* True for LUA_OK; else tells the error on top. [-(0 or 1), +0] */
bool chunk_succeeded(lua_State *L, int state);

/* Each is true when all went well, and has told the error when not. [-0, +0] */
bool chunk_run_text(lua_State *L, const char *text, const char *name);
/* NULL: stdin. */
bool chunk_run_file(lua_State *L, const char *name);
/* "module", or "name=module": requires it and sets the global. */
bool chunk_require(lua_State *L, const char *text);

#endif
