/* SPDX-License-Identifier: MIT */
#include "c/modules.h"

#include "state/counted.h"
#include "state/lua_compat.h"
#include "state/vm.h"

void source_fini(struct mm_source *s) {
  bytes_fini(&s->text);
  bytes_fini(&s->name);
}

/* The loader of a module that is registered as source; each VM compiles it when it is required. */
static int load_registered(lua_State *L) {
  const struct module *m = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushfstring(L, "=%s", m->name);
  if (luaL_loadbuffer(L, m->source, m->source_size, lua_tostring(L, -1))) return lua_error(L);
  lua_pushstring(L, m->name);
  lua_call(L, 1, 1);
  return 1;
}

/* Sets the loaders of the registered modules in the table on top. */
static void preload(lua_State *L, const struct module *m) {
  for (; m; m = m->next) {
    if (m->open) {
      lua_pushcfunction(L, m->open);
    } else {
      lua_pushlightuserdata(L, (void *)(uintptr_t)m);
      lua_pushcclosure(L, load_registered, 1);
    }
    lua_setfield(L, -2, m->name);
  }
}

/* ---- modules that the program finds ---------------------------------------------------------- */

/* __gc of the userdata that owns a source, because compiling it may raise. */
static int free_source(lua_State *L) {
  struct mm_source *s = lua_touserdata(L, 1);
  source_fini(s);
  *s = (struct mm_source){.is_given = false};
  return 0;
}

static struct mm_source *push_source(lua_State *L) {
  struct mm_source *s = lua_newuserdata(L, sizeof *s);
  *s = (struct mm_source){.is_given = false};
  lua_newtable(L);
  lua_pushcfunction(L, free_source);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return s;
}

static void compile(lua_State *L, const char *name, const struct mm_source *s) {
  if (s->text.len && s->text.data[0] == (uint8_t)LUA_SIGNATURE[0])
    luaL_error(L, "module '%s': source expected, got bytecode", name);
  if (s->name.len)
    lua_pushlstring(L, (const char *)s->name.data, s->name.len);
  else
    lua_pushfstring(L, "=%s", name);
  struct counted_source source = {(const char *)s->text.data, s->text.len};
  if (lua_load_text(L, counted_read, &source, lua_tostring(L, -1))) lua_error(L);
}

/* A searcher of `require`. Upvalue: the struct module_set. Where there is no module, the text begins a line of
 * its own: Lua 5.4 alone begins it itself. */
static int search(lua_State *L) {
  const struct module_set *set = lua_touserdata(L, lua_upvalueindex(1));
  const char *name = luaL_checkstring(L, 1);
  struct mm_source *s = push_source(L);
  if (!set->find(set->owner, name, s)) {
    lua_pushfstring(L, "%sno module '%s' of the program", LUA_HAS_CLOSE ? "" : "\n\t", name);
    return 1;
  }
  if (s->failure) return luaL_error(L, "module '%s': not enough memory", name);
  compile(L, name, s);
  return 1;
}

static void push_searcher(lua_State *L, const struct module_set *set) {
  struct module_set *kept = lua_newuserdata(L, sizeof *kept);
  *kept = *set;
  lua_pushcclosure(L, search, 1);
}

void modules_install(lua_State *L, const struct module_set *set) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  preload(L, set->registered);
  lua_pop(L, 2);
  if (!set->find) return;
  lua_pushsearchers(L);
  for (int i = (int)lua_rawlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  push_searcher(L, set);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 1);
}

/* ---- require without files ------------------------------------------------------------------- */

enum { REGISTERED = 1, SEARCHER = 2 };

/* (name) Pushes the loader of a module. [-0, +1, raises] */
static void push_loader(lua_State *L) {
  lua_pushvalue(L, 1);
  lua_rawget(L, lua_upvalueindex(REGISTERED));
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  if (!lua_isnil(L, lua_upvalueindex(SEARCHER))) {
    lua_pushvalue(L, lua_upvalueindex(SEARCHER));
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isfunction(L, -1)) return;
  }
  luaL_error(L, "module '%s' not found: the program has none of that name", lua_tostring(L, 1));
}

/* (name) → the module, as `require` gives it */
static int require(lua_State *L) {
  enum { NAME = 1, LOADED = 2 };
  luaL_checkstring(L, NAME);
  lua_settop(L, NAME);
  lua_pushloaded(L);
  lua_getfield(L, LOADED, lua_tostring(L, NAME));
  if (lua_toboolean(L, -1)) return 1;
  lua_pop(L, 1);
  push_loader(L);
  lua_pushvalue(L, NAME);
  lua_call(L, 1, 1);
  if (!lua_isnil(L, -1)) lua_setfield(L, LOADED, lua_tostring(L, NAME));
  lua_getfield(L, LOADED, lua_tostring(L, NAME));
  if (!lua_isnil(L, -1)) return 1;
  lua_pushboolean(L, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, LOADED, lua_tostring(L, NAME));
  return 1;
}

void modules_install_require(lua_State *L, const struct module_set *set) {
  lua_newtable(L);
  preload(L, set->registered);
  if (set->find)
    push_searcher(L, set);
  else
    lua_pushnil(L);
  lua_pushcclosure(L, require, 2);
  lua_setglobal(L, "require");
}
