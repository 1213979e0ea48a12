/* SPDX-License-Identifier: MIT */
#include "state/method_hint.h"

#include <stdio.h>
#include <string.h>

#include "base/nearness.h"
#include "state/caller.h"
#include "state/host_hint.h"

enum { NAME_MOST = 40, CHAIN_MOST = 4, ROOM = 12 };

/* The name in Lua's text, of 5.3 and later or of 5.1 and LuaJIT; false: it is about something else. */
static bool read_name(const char *text, char name[NAME_MOST]) {
  const char *call = strstr(text, "attempt to call ");
  const char *at = call ? strstr(call, "method '") : NULL;
  if (!at || !strstr(call, "nil value")) return false;
  at += strlen("method '");
  const size_t size = strcspn(at, "'");
  if (size == 0 || size >= NAME_MOST || at[size] == '\0') return false;
  memcpy(name, at, size);
  name[size] = '\0';
  return true;
}

struct hint {
  const char *name;
  char best[NAME_MOST];
  unsigned distance;
};

/* Whether the function on top is a method of this library: in Lua, or in C with its name as first upvalue. */
static bool is_own_method(lua_State *L) {
  lua_Debug at;
  if (!lua_isfunction(L, -1)) return false;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &at);
  if (*at.what != 'C') return caller_is_own(&at);
  if (!lua_getupvalue(L, -1, 1)) return false;
  const bool is_named = lua_type(L, -1) == LUA_TSTRING && strchr(lua_tostring(L, -1), ':');
  lua_pop(L, 1);
  return is_named;
}

/* Looks at the names in the table on top. */
static void look_at_names(lua_State *L, struct hint *h) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    const unsigned distance = name ? nearness(h->name, name) : NEARNESS_NONE;
    if (distance < NEARNESS_BEGINNING && distance < h->distance && is_own_method(L)) {
      h->distance = distance;
      snprintf(h->best, sizeof h->best, "%s", name);
    }
    lua_pop(L, 1);
  }
}

/* Replaces the value on top by what it inherits from, a table; false: nothing is on top any more. Reads raw. */
static bool replace_by_parent(lua_State *L) {
  const bool has = lua_getmetatable(L, -1) != 0;
  if (has) {
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    if (lua_isfunction(L, -1) && !lua_getupvalue(L, -1, 1))
      lua_pushnil(L); /* that of an array has its methods */
  }
  if (!has || !lua_istable(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  return true;
}

/* Looks at the object on top, and at what it inherits. [-0, +0, does not raise] */
static void look_at_object(lua_State *L, struct hint *h) {
  const int top = lua_gettop(L);
  for (int i = 0; i < CHAIN_MOST && replace_by_parent(L); i++) look_at_names(L, h);
  lua_settop(L, top);
}

static bool is_object(lua_State *L) { return lua_istable(L, -1) || lua_isuserdata(L, -1); }

/* The objects in the frame: its variables, and what it computes with. */
static void look_at_frame(lua_State *L, lua_State *of, const lua_Debug *frame, struct hint *h) {
  for (int i = 1; lua_getlocal(of, frame, i); i++) {
    if (L != of) lua_xmove(of, L, 1);
    if (is_object(L)) look_at_object(L, h);
    lua_pop(L, 1);
  }
}

void method_hint_add(lua_State *L, lua_State *of, int level) {
  char name[NAME_MOST];
  lua_Debug frame;
  if (host_hint_add(L)) return;
  if (lua_type(L, -1) != LUA_TSTRING || !read_name(lua_tostring(L, -1), name)) return;
  if (!lua_checkstack(L, ROOM) || !lua_checkstack(of, ROOM) || !caller_find_lua(of, level, &frame)) return;
  struct hint h = {.name = name, .distance = NEARNESS_BEGINNING};
  look_at_frame(L, of, &frame, &h);
  if (h.distance == NEARNESS_BEGINNING) return;
  lua_pushfstring(L, "%s: did you mean '%s'?", lua_tostring(L, -1), h.best);
  lua_remove(L, -2);
}
