/* SPDX-License-Identifier: MIT */
/* Two VMs, and values sent from one to the other: the base of the tests in this folder.
 *
 * Each test is compiled for 5.4 and for the 5.1 ABI, which runs under PUC 5.1 and LuaJIT. In the
 * Lua code of a test `kind` is "5.4", "5.1" or "jit". All three must accept the chunks.
 */
#ifndef TESTS_LUA_PAIR_H
#define TESTS_LUA_PAIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "state/transfer.h"

struct lua_pair {
  lua_State *sender;
  lua_State *receiver;
};

static inline const char *pair_kind(void) {
  return LUA_VERSION_NUM >= 504 ? "5.4" : lua_is_jit() ? "jit" : "5.1";
}

static inline lua_State *pair_open_one(void) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  return L;
}

static inline struct lua_pair pair_open(void) { return (struct lua_pair){pair_open_one(), pair_open_one()}; }

static inline void pair_close(struct lua_pair *p) {
  lua_close(p->sender);
  lua_close(p->receiver);
}

/* Prints the reason and the chunk, and exits. */
NO_RETURN static inline void pair_fail(const char *chunk, const char *why) {
  fprintf(stderr, "[%s] %s\n--- in ---\n%s\n", pair_kind(), why, chunk);
  exit(1);
}

/* Runs a chunk on the values on top of the stack; leaves all its results. */
static inline void pair_run(lua_State *L, const char *chunk, int arguments, int results) {
  lua_pushfstring(L, "local kind = '%s' %s", pair_kind(), chunk);
  if (luaL_loadstring(L, lua_tostring(L, -1))) pair_fail(chunk, lua_tostring(L, -1));
  lua_remove(L, -2);
  lua_insert(L, -arguments - 1);
  if (lua_pcall(L, arguments, results, 0)) pair_fail(chunk, lua_tostring(L, -1));
}

/* Sends the results of `make` to the receiver, as the arguments of `check`. */
static inline void pair_send(struct lua_pair *p, const char *make, const char *check) {
  const int top = lua_gettop(p->sender);
  pair_run(p->sender, make, 0, LUA_MULTRET);
  transfer_open(p->sender);
  transfer_open(p->receiver);
  luaL_checkstack(p->sender, lua_gettop(p->sender) - top + 4, "values");
  struct bytes *message = NULL;
  if (transfer_try_encode(p->sender, top + 1, lua_gettop(p->sender) - top, "argument", &message))
    pair_fail(make, lua_tostring(p->sender, -1));
  int count = 0;
  if (transfer_try_decode(p->receiver, message->data, message->len, &count))
    pair_fail(make, lua_tostring(p->receiver, -1));
  CHECK_EQ(count, lua_gettop(p->sender) - top);
  luaL_checkstack(p->receiver, 4, "a check");
  pair_run(p->receiver, check, count, 0);
  lua_settop(p->sender, top);
}

/* Checks that the one result of `make` cannot be sent, with the error `expected`. */
/* The error has to begin with the expected text, behind which the cure stands. */
static inline void pair_refuse(struct lua_pair *p, const char *make, const char *expected) {
  const int top = lua_gettop(p->sender);
  pair_run(p->sender, make, 0, 1);
  transfer_open(p->sender);
  struct bytes *message = NULL;
  if (!transfer_try_encode(p->sender, top + 1, 1, "value", &message)) pair_fail(make, "was sent");
  const char *text = lua_tostring(p->sender, -1);
  const size_t length = strlen(expected);
  const bool is_expected =
      strncmp(text, expected, length) == 0 && (!text[length] || strncmp(text + length, ": ", 2) == 0);
  if (!is_expected) pair_fail(make, text);
  lua_settop(p->sender, top);
}

#endif
