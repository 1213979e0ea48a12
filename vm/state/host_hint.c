/* SPDX-License-Identifier: MIT */
#include "state/host_hint.h"

#include <string.h>

enum { NAME_MOST = 32 };

/* The names of `vim` that need the editor, and are not so common that a script's own table has them. */
static const char *const names_of_editor[] = {
    "api",       "cmd",        "defer_fn",  "diagnostic",    "env",        "fn",
    "go",        "health",     "highlight", "in_fast_event", "keymap",     "loop",
    "lsp",       "notify",     "on_key",    "opt",           "opt_global", "opt_local",
    "rpcnotify", "rpcrequest", "schedule",  "schedule_wrap", "treesitter", "ui",
    "uv",
};

/* The name behind `before` in Lua's text about a nil value. */
static bool read_name(const char *text, const char *before, char name[NAME_MOST]) {
  const char *at = strstr(text, before);
  if (!at || !strstr(text, "nil value")) return false;
  at += strlen(before);
  const size_t size = strcspn(at, "'");
  if (size == 0 || size >= NAME_MOST || at[size] == '\0') return false;
  memcpy(name, at, size);
  name[size] = '\0';
  return true;
}

static bool is_of_editor(const char *name) {
  for (size_t i = 0; i < sizeof names_of_editor / sizeof *names_of_editor; i++)
    if (strcmp(names_of_editor[i], name) == 0) return true;
  return false;
}

/* Whether this is a worker of Neovim, which has `vim` without the editor's part. Reads raw. [-0, +0] */
static bool is_beside_editor(lua_State *L) {
  const int top = lua_gettop(L);
  lua_pushglobaltable(L);
  lua_pushliteral(L, "vim");
  lua_rawget(L, -2);
  bool is_it = lua_istable(L, -1);
  if (is_it) {
    lua_pushliteral(L, "api");
    lua_rawget(L, -2);
    is_it = lua_isnil(L, -1);
  }
  lua_settop(L, top);
  return is_it;
}

bool host_hint_add(lua_State *L) {
  char name[NAME_MOST];
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  if (!text || !lua_checkstack(L, 6)) return false;
  if (read_name(text, "global '", name) && strcmp(name, "vim") == 0)
    lua_pushfstring(L, "%s: vim belongs to the editor; workers have none", text);
  else if (read_name(text, "global '", name) && strcmp(name, "love") == 0)
    lua_pushfstring(L, "%s: love belongs to the game; workers have none", text);
  else if (read_name(text, "field '", name) && is_of_editor(name) && is_beside_editor(L))
    lua_pushfstring(L, "%s: vim.%s belongs to the editor; workers have none", text, name);
  else
    return false;
  lua_remove(L, -2);
  return true;
}
