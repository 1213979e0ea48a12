/* SPDX-License-Identifier: MIT */
/* Compiled code has each string behind its size. A string is a name if the bytes before it say its size,
 * and all its bytes may stand in a name. Other bytes of the code may look like that by
 * chance; then the function has a name too many, which does no harm. */
#include "state/function_names.h"
#include "state/weak_table.h"

#include <ctype.h>
#include <string.h>

static const char by_function_key; /* function -> names, keys are weak */
static const char by_code_key;     /* code -> names, values are weak */

enum { FUNCTION = 1, NAMES, KNOWN, CODE };

/* The code, as far as there is room for it; `size` is that of all of it. */
struct code {
  char *text;
  size_t room;
  size_t size;
};

static int take_code(UNUSED lua_State *L, const void *piece, size_t size, void *code) {
  struct code *c = code;
  if (c->size + size <= c->room) memcpy(c->text + c->size, piece, size);
  c->size += size;
  return 0;
}

static void dump(lua_State *L, struct code *c) {
  c->size = 0;
  lua_pushvalue(L, FUNCTION);
  lua_dump_bare_code(L, take_code, c);
  lua_pop(L, 1);
}

/* Modules have dots, dashes and slashes in their names. */
static bool may_be_in_name(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '/';
}

static bool is_name(const char *text, size_t size) {
  if (!isalpha((unsigned char)*text) && *text != '_') return false;
  for (size_t i = 0; i < size; i++)
    if (!may_be_in_name(text[i])) return false;
  return true;
}

/* Enters the string on top of the stack in KNOWN. False: it was there. [-0, +0, memory] */
static bool learn(lua_State *L) {
  lua_pushvalue(L, -1);
  lua_rawget(L, KNOWN);
  const bool is_known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_known) return false;
  lua_pushvalue(L, -1);
  lua_pushboolean(L, 1);
  lua_rawset(L, KNOWN);
  return true;
}

/* Fills NAMES with the names in the code, each once. */
static void read_names(lua_State *L, const struct code *c) {
  int count = 0;
  for (size_t at = 1; at < c->size; at++) {
    const size_t size = lua_code_string_size(c->text, at);
    if (size == 0 || size > FUNCTION_NAME_MAX || size > c->size - at || !is_name(c->text + at, size))
      continue;
    lua_pushlstring(L, c->text + at, size);
    if (learn(L))
      lua_rawseti(L, NAMES, ++count);
    else
      lua_pop(L, 1);
  }
}

/* (function) -> names */
static int names_of_code(lua_State *L) {
  char room[4096];
  struct code code = {.text = room, .room = sizeof room};
  lua_settop(L, CODE);
  dump(L, &code);
  if (code.size > code.room) {
    code = (struct code){.text = lua_newuserdata(L, code.size), .room = code.size};
    lua_replace(L, CODE);
    dump(L, &code);
  }
  weak_table_push_kept(L, &by_code_key, "v", 0);
  lua_pushlstring(L, code.text, code.size);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (!lua_isnil(L, -1)) return 1;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_replace(L, NAMES);
  lua_newtable(L);
  lua_replace(L, KNOWN);
  read_names(L, &code);
  lua_pushvalue(L, NAMES);
  lua_rawset(L, -3);
  lua_settop(L, NAMES);
  return 1;
}

void function_names_push(lua_State *L, int function) {
  luaL_checkstack(L, 8, "no room to look at a function");
  function = lua_absindex(L, function);
  weak_table_push_kept(L, &by_function_key, "k", 0);
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushcfunction(L, names_of_code);
    lua_pushvalue(L, function);
    lua_call(L, 1, 1);
    lua_pushvalue(L, function);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_remove(L, -2);
}
