/* SPDX-License-Identifier: MIT */
/* The functions are those of the auxiliary library of Lua, which keeps them to itself: which of them Lua calls is what it remembers of the pieces of
 * a message. */
#include "state/vm_warn.h"

#include <stdio.h>
#include <string.h>

static void warn_off(void *L, const char *message, int is_to_continue);
static void warn_on(void *L, const char *message, int is_to_continue);

/* "@on" and "@off", in one piece. */
static bool is_control(lua_State *L, const char *message, int is_to_continue) {
  if (is_to_continue || *message != '@') return false;
  if (strcmp(message, "@off") == 0) lua_setwarnf(L, warn_off, L);
  if (strcmp(message, "@on") == 0) lua_setwarnf(L, warn_on, L);
  return true;
}

static void warn_off(void *L, const char *message, int is_to_continue) {
  (void)is_control(L, message, is_to_continue);
}

static void warn_further(void *L, const char *message, int is_to_continue) {
  fputs(message, stderr);
  if (!is_to_continue) fputs("\n", stderr);
  fflush(stderr);
  lua_setwarnf(L, is_to_continue ? warn_further : warn_on, L);
}

static void warn_on(void *L, const char *message, int is_to_continue) {
  if (is_control(L, message, is_to_continue)) return;
  fputs("Lua warning: ", stderr);
  warn_further(L, message, is_to_continue);
}

void vm_warn_install(lua_State *L) { lua_setwarnf(L, warn_off, L); }
