/* SPDX-License-Identifier: MIT */
/* See base/embed.h. */
#include "embedded.h"

#include <string.h>

#include "base/embed.h"
#include "state/library_environment.h"
#include "state/raise.h"

#define MODULE(room, file) EMBED_FILE(room##_##file, "bindings/lua/" #room "/" #file ".lua")
#define MODULE_IN(room, folder, file) \
  EMBED_FILE(room##_##folder##_##file, "bindings/lua/" #room "/" #folder "/" #file ".lua")
#define SCRIPT(file)     EMBED_FILE(script_##file, "bindings/lua/broker/redis/scripts/" #file ".lua")
#define PAGE(name, path) EMBED_FILE(name, path)
EMBED_FILE(api, "bindings/lua/api.lua")
#include "embedded.def"

static const struct {
  const char *name;
  const char *start;
  const char *end;
} files[] = {
#define ROW(name, symbol)             {name, embedded_##symbol##_start, embedded_##symbol##_end},
#define MODULE(room, file)            ROW(#room "." #file, room##_##file)
#define MODULE_IN(room, folder, file) ROW(#room "." #folder "." #file, room##_##folder##_##file)
#define SCRIPT(file)                  ROW("broker.redis.scripts." #file, script_##file)
#define PAGE(name, path)              ROW(#name, name)
    ROW("api", api)
#include "embedded.def"
};

static const char require_key = 0; /* its address is the key of `require` in the table of modules */

const char *embedded_find(const char *name, size_t *size) {
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    if (strcmp(files[i].name, name) != 0) continue;
    *size = (size_t)(files[i].end - files[i].start);
    return files[i].start;
  }
  return NULL;
}

const char *embedded_name(size_t number) {
  return number < sizeof files / sizeof files[0] ? files[number].name : NULL;
}

static const char *(*find_compiled)(const char *name, size_t *size); /* listed in vm/README.md */

void embedded_use_compiled(const char *(*find)(const char *name, size_t *size)) { find_compiled = find; }

/* Pushes the function; or nothing. */
static bool load_compiled(lua_State *L, const char *name) {
  size_t size = 0;
  const char *code = find_compiled ? find_compiled(name, &size) : NULL;
  if (!code) return false;
  if (luaL_loadbuffer(L, code, size, name) == LUA_OK) return true;
  lua_pop(L, 1);
  return false;
}

static void load_source(lua_State *L, const char *name) {
  size_t size = 0;
  const char *source = embedded_find(name, &size);
  if (!source) luaL_error(L, "no embedded file '%s'", name);
  lua_pushfstring(L, "=manymoons/%s.lua", luaL_gsub(L, name, ".", "/"));
  if (luaL_loadbuffer(L, source, size, lua_tostring(L, -1))) lua_error(L);
}

int embedded_load_call(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (!load_compiled(L, name)) load_source(L, name);
  library_environment_push(L);
  library_environment_set(L);
  return 1;
}

/* require(name) → the module's result. Upvalues: the native table, and the table of results by
 * name, in which a module that is being loaded is `false`. [-0, +1, raises] */
static int require(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_rawget(L, lua_upvalueindex(2));
  if (lua_toboolean(L, -1)) return 1;
  if (!lua_isnil(L, -1)) return luaL_error(L, "embedded module '%s' requires itself", lua_tostring(L, 1));
  lua_pushvalue(L, 1);
  lua_pushboolean(L, false);
  lua_rawset(L, lua_upvalueindex(2));
  lua_pushcfunction(L, embedded_load_call);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_rawgetp(L, lua_upvalueindex(2), &require_key);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) lua_pushboolean(L, true);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(2));
  return 1;
}

/* loaded(name) → the module's result, nil: nothing has required it. Upvalue: the table of results.
 * [-0, +1, raises] */
static int loaded(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_toboolean(L, 1)) lua_pushnil(L);
  return 1;
}

void embedded_push_require(lua_State *L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, loaded, 1);
  lua_setfield(L, -3, "loaded");
  lua_pushvalue(L, -1);
  lua_insert(L, -3);
  lua_pushcclosure(L, require, 2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, &require_key);
  lua_remove(L, -2);
}

int embedded_text_call(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *text = embedded_find(name, &size);
  if (!text) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushlstring(L, text, size);
  return 1;
}
