/* SPDX-License-Identifier: MIT */
/* Running chunks as a stand-alone interpreter does: errors go to stderr with a traceback.
 *
 * An error caused by Ctrl-C is not printed here: main.c prints "interrupted" once at the end, and
 * so does the REPL for its line.
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
/* Prints the error on top of the stack. [-1, +0] */
void chunk_report(lua_State *L, enum chunk_voice voice);
/* Whether `state` is LUA_OK; else prints the error on top of the stack. [-(0 or 1), +0] */
bool chunk_succeeded(lua_State *L, int state);

/* These return true on success. On failure they have printed the error. [-0, +0] */
bool chunk_run_text(lua_State *L, const char *text, const char *name);
/* `name` NULL: stdin. */
bool chunk_run_file(lua_State *L, const char *name);
/* "module", or "name=module": requires it and sets the global. */
bool chunk_require(lua_State *L, const char *text);

#endif
