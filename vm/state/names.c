/* SPDX-License-Identifier: MIT */
/* The reverse index is built breadth first: standard libraries, then other modules, then _G. So an
 * object gets the shortest and most portable of its names. Original functions are not looked for
 * there: their places are their names.
 * Skipped are keys that cannot be part of a path (not a string, or with a dot or a NUL), and all
 * but the first FIELDS_MAX fields of a table, because a larger table is data and not an
 * interface. */
#include "state/names.h"

#include <string.h>

#include "state/caller.h"
#include "state/originals.h"
#include "state/weak_table.h"

enum { DEPTH_MAX = 3, FIELDS_MAX = 10000, NAME_MAX_SIZE = 200 };

static const char index_key;
static const char loaded_key = 'l'; /* its address is the key of the mark of package.loaded; never written */
static const char by_name_key;
static const char by_table_key;
static const char claimed_key;       /* name -> true: a script of this VM has registered a class as that */
static const char for_strangers_key; /* name -> true */

/* ---- the index: object -> module NUL path ---------------------------------------------------- */

/* The state of the search. A level is a list of pairs (table, its name). */
struct build {
  lua_State *L;
  int index; /* stack index of the table object -> name */
  int level; /* stack index of the level whose fields are added */
  int below; /* stack index of the next level, which is collected meanwhile */
  int level_count;
  int below_count;
};

static bool is_named_by_path(lua_State *L, int key) {
  if (lua_type(L, key) != LUA_TSTRING) return false;
  size_t size;
  const char *text = lua_tolstring(L, key, &size);
  return size > 0 && size <= NAME_MAX_SIZE && !memchr(text, '.', size) && !memchr(text, '\0', size);
}

static const char sealed_key = 's'; /* its address is the key of a weak table; never written */

void names_seal(lua_State *L) {
  weak_table_push_kept(L, &sealed_key, "k", 0);
  lua_insert(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static const char covered_key = 'c'; /* its address is the key of a weak table; never written */

void names_cover(lua_State *L) {
  weak_table_push_kept(L, &covered_key, "k", 0);
  lua_insert(L, -3);
  lua_pushvalue(L, -2);
  names_seal(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

bool names_push_covered(lua_State *L, int function) {
  function = lua_absindex(L, function);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &covered_key);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static bool is_original(lua_State *L, int function) {
  if (!originals_find(L, function)) return false;
  lua_pop(L, 2);
  return true;
}

bool names_have(lua_State *L, int function) {
  if (lua_iscfunction(L, function)) return true;
  function = lua_absindex(L, function);
  if (lua_is_jit() && is_original(L, function)) return true; /* it has some in bytecode */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &sealed_key);
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, function);
    lua_rawget(L, -2);
    lua_remove(L, -2);
  }
  const bool is_sealed = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_sealed;
}

static bool is_worth_a_name(lua_State *L, int value) {
  switch (lua_type(L, value)) {
    case LUA_TTABLE:
    case LUA_TUSERDATA: return true;
    case LUA_TFUNCTION: return names_have(L, value);
    default: return false;
  }
}

/* (… object, name) Adds the object to the index and, if it is a table, to the next level.
 * [-2, +0, memory] */
static void build_add(struct build *b) {
  lua_State *L = b->L;
  lua_pushvalue(L, -2);
  lua_rawget(L, b->index);
  const bool is_new = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_new) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, b->index);
    if (lua_istable(L, -2)) {
      lua_pushvalue(L, -2);
      lua_rawseti(L, b->below, ++b->below_count);
      lua_pushvalue(L, -1);
      lua_rawseti(L, b->below, ++b->below_count);
    }
  }
  lua_pop(L, 2);
}

/* Adds package.loaded[name] if it can have a name; package.loaded is on top of the stack. */
static void build_add_module(struct build *b, const char *name) {
  lua_State *L = b->L;
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  if (!is_worth_a_name(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushstring(L, name);
  lua_pushlstring(L, "\0", 1);
  lua_concat(L, 2);
  build_add(b);
}

static void build_add_modules(struct build *b) {
  static const char *const standard[] = {"string", "table", "math", "io",    "os",  "coroutine", "utf8",
                                         "debug",  "bit",   "jit",  "bit32", "ffi", "package"};
  lua_State *L = b->L;
  lua_pushloaded(L);
  for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) build_add_module(b, standard[i]);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING || strcmp(lua_tostring(L, -1), "_G") == 0) continue;
    lua_pushvalue(L, -2);
    build_add_module(b, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  build_add_module(b, "_G");
  lua_pop(L, 1);
}

/* Pushes the name of field `key` of the table called `name`, "module NUL" or "module NUL path". */
static void push_field_name(lua_State *L, int name, int key) {
  size_t size;
  const char *text = lua_tolstring(L, name, &size);
  lua_pushvalue(L, name);
  if (text[size - 1] != '\0') {
    lua_pushliteral(L, ".");
    lua_pushvalue(L, key);
    lua_concat(L, 3);
    return;
  }
  lua_pushvalue(L, key);
  lua_concat(L, 2);
}

/* (… table, name) Adds the fields of the table. [-2, +0, memory] */
static void build_add_fields(struct build *b) {
  lua_State *L = b->L;
  const int name = lua_gettop(L);
  lua_pushnil(L);
  for (int fields = 0; fields < FIELDS_MAX && lua_next(L, name - 1); fields++) {
    if (is_worth_a_name(L, name + 2) && is_named_by_path(L, name + 1)) {
      push_field_name(L, name, name + 1);
      build_add(b); /* pops the value and its name, leaves the key */
    } else {
      lua_pop(L, 1);
    }
  }
  lua_settop(L, name - 2);
}

static void build_add_level(struct build *b) {
  lua_State *L = b->L;
  for (int i = 1; i < b->level_count; i += 2) {
    lua_rawgeti(L, b->level, i);
    lua_rawgeti(L, b->level, i + 1);
    build_add_fields(b);
  }
}

/* Makes the next level the current one. */
static void build_descend(struct build *b) {
  lua_State *L = b->L;
  lua_pushvalue(L, b->below);
  lua_replace(L, b->level);
  lua_newtable(L);
  lua_replace(L, b->below);
  b->level_count = b->below_count;
  b->below_count = 0;
}

/* Pushes a number that changes with the modules in package.loaded. [-0, +1] */
static void push_mark_of_loaded(lua_State *L) {
  uint64_t sum = 0;
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const uint64_t value = (uintptr_t)lua_topointer(L, -1);
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING) continue;
    sum += (value ^ (uint64_t)(uintptr_t)lua_tostring(L, -1) << 20) * UINT64_C(0x9e3779b97f4a7c15);
  }
  lua_pop(L, 1);
  lua_pushnumber(L, (lua_Number)(sum >> 12)); /* a double holds it exactly */
}

void names_note_loaded(lua_State *L, const void *key) {
  push_mark_of_loaded(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

bool names_are_as_noted(lua_State *L, const void *key) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  push_mark_of_loaded(L);
  const bool is_same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is_same;
}

static void index_rebuild(lua_State *L) {
  luaL_checkstack(L, 16, "no room to index the loaded modules");
  const int top = lua_gettop(L);
  struct build b = {.L = L, .index = top + 1, .level = top + 2, .below = top + 3};
  weak_table_push(L, "k", 0);
  lua_newtable(L);
  lua_newtable(L);
  build_add_modules(&b);
  for (int depth = 1; depth <= DEPTH_MAX; depth++) {
    build_descend(&b);
    build_add_level(&b);
  }
  lua_settop(L, b.index);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &index_key);
  names_note_loaded(L, &loaded_key);
}

/* ---- walking a path -------------------------------------------------------------------------- */

/* Replaces the table on top by its field under the first `size` bytes of `key`; replaces any other
 * value by nil. */
static void step_into(lua_State *L, const char *key, size_t size, bool is_raw) {
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    return;
  }
  lua_pushlstring(L, key, size);
  if (is_raw)
    lua_rawget(L, -2);
  else
    lua_gettable(L, -2);
  lua_remove(L, -2);
}

void names_walk(lua_State *L, const char *path, enum names_access access) {
  bool is_raw = access == NAMES_RAW;
  for (;;) {
    const size_t size = strcspn(path, ".");
    step_into(L, path, size, is_raw);
    if (path[size] == '\0') return;
    path += size + 1;
    is_raw = access != NAMES_AS_PROGRAM;
  }
}

/* Follows a path below the module on top of the stack; an empty path gives the module. */
static void walk_module(lua_State *L, const char *path, enum names_access access) {
  if (*path) names_walk(L, path, access);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Replaces the name on top of the stack by module and path. False, and the name is popped: they do
 * not lead to the object. */
static bool name_split_if_true(lua_State *L, int object) {
  const char *module = lua_tostring(L, -1);
  const char *path = module + strlen(module) + 1;
  lua_pushstring(L, module);
  lua_pushstring(L, path);
  lua_remove(L, -3);
  lua_pushloaded(L);
  step_into(L, lua_tostring(L, -3), strlen(lua_tostring(L, -3)), true);
  walk_module(L, lua_tostring(L, -2), NAMES_RAW);
  const bool is_true = lua_rawequal(L, -1, object);
  lua_pop(L, is_true ? 1 : 3);
  return is_true;
}

static bool find_indexed(lua_State *L, int object) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &index_key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  lua_pushvalue(L, object);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return name_split_if_true(L, object);
  lua_pop(L, 1);
  return false;
}

/* Pushes "=library" and key. [-0, +2|0, memory] */
static bool find_original(lua_State *L, int object) {
  if (!lua_isfunction(L, object) || !originals_find(L, object)) return false;
  lua_pushfstring(L, "%c%s", NAMES_ORIGINAL, lua_tostring(L, -2));
  lua_replace(L, -3);
  return true;
}

bool names_find(lua_State *L, int index, enum names_effort effort) {
  luaL_checkstack(L, 8, "no room to name a value");
  const int object = lua_absindex(L, index);
  if (find_original(L, object)) return true;
  if (find_indexed(L, object)) return true;
  if (effort == NAMES_INDEXED || (effort == NAMES_REFRESHED && names_are_as_noted(L, &loaded_key)))
    return false;
  index_rebuild(L);
  return find_indexed(L, object);
}

bool names_find_module(lua_State *L, int index) {
  luaL_checkstack(L, 8, "no room to name a module");
  const int module = lua_absindex(L, index);
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const bool is_it = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, module);
    lua_pop(L, 1);
    if (!is_it) continue;
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

/* ---- resolving ------------------------------------------------------------------------------- */

/* The program's `require`, or the original while there is none. */
static void push_require(lua_State *L) {
  lua_pushglobaltable(L);
  lua_pushliteral(L, "require");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  originals_push(L, "_G", "require");
}

bool names_module_is_loading(lua_State *L) {
  luaL_checkstack(L, 4, "no room to look for modules");
  const int require = lua_gettop(L) + 1;
  bool is_loading = false;
  lua_Debug at;
  originals_push(L, "_G", "require");
  for (int level = 0; !is_loading && level < CALLER_LEVELS && lua_getstack(L, level, &at); level++) {
    lua_getinfo(L, "f", &at);
    is_loading = lua_isfunction(L, -1) && lua_rawequal(L, -1, require);
    lua_settop(L, require);
  }
  lua_settop(L, require - 1);
  return is_loading;
}

void names_push_module(lua_State *L) {
  luaL_checkstack(L, 8, "no room to load a module");
  lua_pushloaded(L);
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  /* 5.1 has a light userdata there while the module is loaded. */
  if (lua_isnil(L, -1) || lua_islightuserdata(L, -1)) {
    lua_pop(L, 1);
    push_require(L);
    if (lua_isnil(L, -1))
      luaL_error(L,
                 "module '%s' is not loaded here, and without the library 'package' none can be (see libs=)",
                 lua_tostring(L, -2));
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
  }
  if (lua_isnil(L, -1)) luaL_error(L, "module '%s' is not loaded here", lua_tostring(L, -2));
  lua_remove(L, -2);
}

/* Replaces "=library" and key on top of the stack by the original. [-2, +1, raises] */
static void push_original(lua_State *L) {
  const int key = lua_gettop(L);
  const char *library = lua_tostring(L, key - 1) + 1;
  originals_push(L, library, lua_tostring(L, key));
  if (!lua_isfunction(L, -1)) luaL_error(L, "this Lua has no function %s.%s", library, lua_tostring(L, key));
  lua_replace(L, key - 1);
  lua_settop(L, key - 1);
}

void names_push_named(lua_State *L) {
  const int path = lua_gettop(L);
  if (*lua_tostring(L, path - 1) == NAMES_ORIGINAL) {
    push_original(L);
    return;
  }
  const bool is_global = strcmp(lua_tostring(L, path - 1), "_G") == 0;
  lua_pushvalue(L, path - 1);
  names_push_module(L);
  walk_module(L, lua_tostring(L, path), is_global ? NAMES_RAW_BELOW : NAMES_RAW);
  if (!is_worth_a_name(L, -1))
    luaL_error(L, "'%s' of module '%s' does not exist here, or is of another type", lua_tostring(L, path),
               lua_tostring(L, path - 1));
  lua_replace(L, path - 1);
  lua_settop(L, path - 1);
}

/* ---- registered classes ---------------------------------------------------------------------- */

static void push_registry_table(lua_State *L, const void *key) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

bool names_claim(lua_State *L, const char *name, int index) {
  luaL_checkstack(L, 8, "no room to register a class");
  const int top = lua_gettop(L);
  const int table = lua_absindex(L, index);
  push_registry_table(L, &claimed_key);
  lua_getfield(L, top + 1, name);
  push_registry_table(L, &by_name_key);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  const bool is_claimed = lua_toboolean(L, top + 2);
  const bool is_free = !is_claimed || lua_rawequal(L, -1, table);
  if (!is_claimed) {
    lua_pushboolean(L, 1);
    lua_setfield(L, top + 1, name);
  }
  lua_settop(L, top);
  return is_free;
}

void names_set_audience(lua_State *L, const char *name, enum names_audience audience) {
  luaL_checkstack(L, 4, "no room to register a class");
  push_registry_table(L, &for_strangers_key);
  if (audience == NAMES_FOR_STRANGERS)
    lua_pushboolean(L, 1);
  else
    lua_pushnil(L);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

enum names_audience names_audience_of(lua_State *L, const char *name) {
  luaL_checkstack(L, 4, "no room to name a class");
  push_registry_table(L, &for_strangers_key);
  lua_getfield(L, -1, name);
  const bool is_for_strangers = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return is_for_strangers ? NAMES_FOR_STRANGERS : NAMES_FOR_PEERS;
}

void names_register(lua_State *L, const char *name, enum names_audience audience) {
  luaL_checkstack(L, 8, "no room to register a class");
  names_set_audience(L, name, audience);
  push_registry_table(L, &by_name_key);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  push_registry_table(L, &by_table_key);
  lua_pushvalue(L, -3);
  lua_pushstring(L, name);
  lua_rawset(L, -3);
  lua_pop(L, 3);
}

bool names_find_registered(lua_State *L, int index) {
  luaL_checkstack(L, 8, "no room to name a class");
  const int table = lua_absindex(L, index);
  push_registry_table(L, &by_table_key);
  lua_pushvalue(L, table);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

void names_push_registered(lua_State *L) {
  luaL_checkstack(L, 8, "no room for a class");
  push_registry_table(L, &by_name_key);
  lua_pushvalue(L, -2);
  lua_gettable(L, -2);
  if (!lua_istable(L, -1))
    luaL_error(L, "class '%s' is not registered here (mm.register)", lua_tostring(L, -3));
  lua_replace(L, -3);
  lua_pop(L, 1);
}

void names_push_all_registered(lua_State *L) { push_registry_table(L, &by_name_key); }
