/* SPDX-License-Identifier: MIT */
/* Three tables: `kept`, library -> key -> function, filled at the beginning; `places`, made when a
 * function is first looked for: function -> place, or false; and `replacements`, the same of the functions
 * that originals_replace has put there, one after the other: a program may have kept any of them. A place is
 * "library NUL key". One that a fresh VM does not have is the host's, and no original: a receiver may not have it.
 *
 * The VMs that this library makes with all libraries begin alike, and begin often: they share one list, of this
 * process, in which a light function has its address. Such a VM has in `own` the functions that are closures and those
 * that it has put somewhere, by their place, which is the number in the list if it has one. Its `kept` is made of both
 * when it is first needed.
 *
 *   I1  The list does not change once its length is set. */
#include "state/originals.h"

#include <stdatomic.h>
#include <string.h>

#include "state/fresh.h"
#include "state/vm.h"
#include "state/weak_table.h"

static const char kept_key = 'k'; /* their addresses are the keys; never written */
static const char places_key = 'p';
static const char replacements_key = 'r';
static const char own_key = 'o';

/* Each VM begins with this: its tables have the size that they need. */
static const struct library {
  const char *name;
  int functions; /* about as many as it has */
} libraries[] = {{"_G", 24},  {"string", 17}, {"table", 7},     {"math", 27}, {"io", 11},
                 {"os", 11},  {"package", 4}, {"coroutine", 8}, {"utf8", 5},  {"debug", 16},
                 {"bit", 12}, {"jit", 8},     {"bit32", 12},    {"ffi", 16}};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* ---- what the VMs of this process begin with ------------------------------------------------- */

enum { SHARED_MAX = 320, KEY_MAX = 24, OWN_USUAL = 32 };

static struct shared_original {
  const char *library;
  int next; /* the number of the first one of the next library */
  char key[KEY_MAX];
  lua_CFunction function; /* NULL: it is a closure, which each VM has of its own */
} shared[SHARED_MAX];
static _Atomic int shared_count; /* 0: there is no list yet */
static _Atomic bool is_learning;

/* The one address of a library's name; NULL: there is none of that name. */
static const char *library_name(const char *name) {
  for (int i = 0; i < LIBRARIES; i++)
    if (strcmp(libraries[i].name, name) == 0) return libraries[i].name;
  static const char *const others[] = {FRESH_STRINGS, FRESH_FILES, ORIGINALS_SEARCHERS};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strcmp(others[i], name) == 0) return others[i];
  return NULL;
}

static bool has_shared(lua_State *L) {
  const struct vm *vm = vm_of(L);
  return vm && vm->has_shared_originals;
}

static bool is_called(const struct shared_original *o, const char *key) {
  return o->key[0] == key[0] && strcmp(o->key, key) == 0;
}

/* Its number in the list; -1: it is not there. */
static int shared_find(const char *library, const char *key) {
  const int count = atomic_load_explicit(&shared_count, memory_order_acquire);
  library = library_name(library);
  int at = 0;
  while (at < count && shared[at].library != library) at = shared[at].next;
  const int end = at < count ? shared[at].next : at;
  while (at < end && !is_called(&shared[at], key)) at++;
  return at < end ? at : -1;
}

/* Pushes "library NUL key", or the number of the place in the list. */
static void push_place(lua_State *L, const char *library, const char *key) {
  const int number = has_shared(L) ? shared_find(library, key) : -1;
  if (number >= 0) {
    lua_pushinteger(L, number);
    return;
  }
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  luaL_addlstring(&text, library, strlen(library) + 1);
  luaL_addstring(&text, key);
  luaL_pushresult(&text);
}

/* (… place) Replaces the place on top of the stack by library and key. */
static void split_place(lua_State *L) {
  if (lua_type(L, -1) == LUA_TNUMBER) {
    const struct shared_original *o = &shared[lua_tointeger(L, -1)];
    lua_pop(L, 1);
    lua_pushstring(L, o->library);
    lua_pushstring(L, o->key);
    return;
  }
  const char *library = lua_tostring(L, -1);
  lua_pushstring(L, library);
  lua_pushstring(L, library + strlen(library) + 1);
  lua_remove(L, -3);
}

static bool is_light(lua_State *L, int function) {
  const bool is_closure = lua_getupvalue(L, function, 1) != NULL;
  if (is_closure) lua_pop(L, 1);
  return !is_closure;
}

/* (… function) Enters a function in the list, as number `at`. False: there is no room. */
static bool learn_function(lua_State *L, int at, const char *library, const char *key) {
  if (at == SHARED_MAX || strlen(key) >= KEY_MAX) return false;
  shared[at].library = library;
  memcpy(shared[at].key, key, strlen(key) + 1);
  shared[at].function = is_light(L, -1) ? lua_tocfunction(L, -1) : NULL;
  return true;
}

/* (… functions) Enters those of a library from number `at` on. The next number; SHARED_MAX + 1: there is no room. */
static int learn_library(lua_State *L, int at, const char *library) {
  const int functions = lua_gettop(L);
  const int first = at;
  lua_pushnil(L);
  while (at <= SHARED_MAX && lua_next(L, functions)) {
    at = learn_function(L, at, library, lua_tostring(L, -2)) ? at + 1 : SHARED_MAX + 1;
    lua_pop(L, 1);
  }
  lua_settop(L, functions);
  for (int i = first; i < at && at <= SHARED_MAX; i++) shared[i].next = at;
  return at;
}

/* Makes the list of what this VM has kept, which begins as all others will. */
static void learn_shared(lua_State *L) {
  if (atomic_exchange(&is_learning, true)) return;
  int at = 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  const int library = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (at <= SHARED_MAX && lua_next(L, library - 1)) {
    at = learn_library(L, at, library_name(lua_tostring(L, library)));
    lua_pop(L, 1);
  }
  lua_settop(L, library - 2);
  if (at <= SHARED_MAX) atomic_store_explicit(&shared_count, at, memory_order_release);
}

static void push_searcher(lua_State *L, const char *key) {
  lua_pushsearchers(L);
  if (lua_istable(L, -1)) lua_rawgeti(L, -1, *key - '0');
  lua_replace(L, -2);
}

/* Pushes what the library has now under the key. */
static void push_present(lua_State *L, const char *library, const char *key) {
  if (strcmp(library, ORIGINALS_SEARCHERS) == 0) {
    push_searcher(L, key);
    return;
  }
  fresh_push_library(L, library);
  lua_pushstring(L, key);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

static void keep_own(lua_State *L) {
  const int count = atomic_load_explicit(&shared_count, memory_order_acquire);
  lua_createtable(L, 0, OWN_USUAL);
  for (int i = 0; i < count; i++) {
    if (shared[i].function) continue;
    push_present(L, shared[i].library, shared[i].key);
    lua_rawseti(L, -2, i);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &own_key);
}

/* Pushes the i-th original of the list. */
static void push_shared(lua_State *L, int i) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_key);
  lua_rawgeti(L, -1, i);
  lua_remove(L, -2);
  if (!lua_isnil(L, -1) || !shared[i].function) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, shared[i].function);
}

/* Pushes the original of a place in a VM that shares the list, or nil. */
static void push_of_place(lua_State *L, const char *library, const char *key) {
  push_place(L, library, key);
  if (lua_type(L, -1) == LUA_TNUMBER) {
    const int number = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    push_shared(L, number);
    return;
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_key);
  lua_insert(L, -2);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* (… kept, library, key, function) Puts the function into `kept`, and pops three. */
static void enter_kept(lua_State *L) {
  const int kept = lua_gettop(L) - 3;
  lua_pushvalue(L, kept + 1);
  lua_rawget(L, kept);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, kept + 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, kept);
  }
  lua_replace(L, kept + 1);
  lua_rawset(L, kept + 1);
  lua_settop(L, kept);
}

/* Pushes the `kept` of a VM that shares the list. */
static void push_kept_of_list(lua_State *L) {
  const int count = atomic_load_explicit(&shared_count, memory_order_acquire);
  lua_newtable(L);
  for (int i = 0; i < count; i++) {
    lua_pushinteger(L, i);
    split_place(L);
    push_shared(L, i);
    enter_kept(L);
  }
  const int kept = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_key);
  lua_pushnil(L);
  while (lua_next(L, kept + 1)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      lua_pushvalue(L, kept);
      lua_pushvalue(L, -3);
      split_place(L);
      lua_pushvalue(L, kept + 3);
      enter_kept(L);
    }
    lua_settop(L, kept + 2);
  }
  lua_settop(L, kept);
}

/* ---- keeping --------------------------------------------------------------------------------- */

/* (… functions) Adds the builtin functions of the table on top of the stack, and pops it. */
static void keep_functions(lua_State *L) {
  const int source = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, source)) {
    const bool is_builtin = lua_iscfunction(L, -1) || (lua_isfunction(L, -1) && fresh_is_builtin(L, -1));
    if (is_builtin && lua_type(L, -2) == LUA_TSTRING) {
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, source - 1);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* (… functions) Adds the searchers of `require`, by their numbers as text. */
static void keep_searchers(lua_State *L) {
  const int functions = lua_gettop(L);
  lua_pushsearchers(L);
  const int count = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (int i = 1; i <= count; i++) {
    lua_pushfstring(L, "%d", i);
    lua_rawgeti(L, functions + 1, i);
    lua_rawset(L, functions);
  }
  lua_settop(L, functions);
}

/* Pushes `kept`; nil: nothing has been kept yet. */
static void push_kept(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  if (!lua_isnil(L, -1) || !has_shared(L)) return;
  lua_pop(L, 1);
  push_kept_of_list(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
}

void originals_keep(lua_State *L) {
  if (has_shared(L)) return;
  luaL_checkstack(L, 8, "no room to look at the libraries");
  const int top = lua_gettop(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &kept_key);
  if (lua_istable(L, -1)) {
    lua_settop(L, top);
    return;
  }
  lua_createtable(L, 0, LIBRARIES + 3);
  lua_pushloaded(L);
  for (int i = 0; i < LIBRARIES; i++) {
    lua_getfield(L, top + 3, libraries[i].name);
    const bool is_there = lua_istable(L, -1);
    lua_createtable(L, 0, is_there ? libraries[i].functions : 0);
    lua_insert(L, -2);
    if (is_there)
      keep_functions(L);
    else
      lua_pop(L, 1);
    lua_setfield(L, top + 2, libraries[i].name);
  }
  lua_newtable(L);
  lua_pushliteral(L, "");
  const bool has_metatable = lua_getmetatable(L, -1);
  lua_remove(L, has_metatable ? -2 : -1);
  if (has_metatable) keep_functions(L);
  lua_setfield(L, top + 2, FRESH_STRINGS);
  lua_newtable(L);
  fresh_push_library(L, FRESH_FILES);
  if (lua_istable(L, -1))
    keep_functions(L);
  else
    lua_pop(L, 1);
  lua_setfield(L, top + 2, FRESH_FILES);
  lua_newtable(L);
  keep_searchers(L);
  lua_setfield(L, top + 2, ORIGINALS_SEARCHERS);
  lua_settop(L, top + 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  lua_settop(L, top);
}

void originals_begin(lua_State *L) {
  if (LUA_HAS_LIGHT_FUNCTIONS && atomic_load_explicit(&shared_count, memory_order_acquire) > 0) {
    luaL_checkstack(L, 8, "no room to look at the libraries");
    keep_own(L);
    vm_of(L)->has_shared_originals = true;
    return;
  }
  originals_keep(L);
  if (LUA_HAS_LIGHT_FUNCTIONS) learn_shared(L);
}

void originals_push_library(lua_State *L, const char *library) {
  originals_keep(L);
  push_kept(L);
  lua_getfield(L, -1, library);
  lua_remove(L, -2);
}

/* (… function, place) Puts the function in the place of an original in `kept`. */
static void replace_kept(lua_State *L, const char *library, const char *key) {
  originals_push_library(L, library);
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, key);
  }
  lua_pop(L, 1);
}

/* (… function, place) The same in `own`; `kept` is made again when it is needed. */
static void replace_own(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_key);
  lua_pushvalue(L, -2);
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &kept_key);
  lua_pop(L, 1);
}

void originals_replace(lua_State *L, const char *library, const char *key) {
  luaL_checkstack(L, 12, "no room to replace a function");
  push_place(L, library, key);
  weak_table_push_kept(L, &replacements_key, "k", OWN_USUAL);
  lua_pushvalue(L, -3);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  if (has_shared(L))
    replace_own(L);
  else
    replace_kept(L, library, key);
  lua_pop(L, 2);
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
}

/* ---- finding --------------------------------------------------------------------------------- */

/* (… places, marks or nil, functions) Enters the functions of a library whose places a fresh VM has. */
static void enter_functions(lua_State *L, const char *library) {
  const int functions = lua_gettop(L);
  const bool has_marks = lua_istable(L, functions - 1);
  lua_pushnil(L);
  while (lua_next(L, functions)) {
    if (has_marks) {
      lua_pushvalue(L, -2);
      lua_rawget(L, functions - 1);
    } else {
      lua_pushboolean(L, strcmp(library, ORIGINALS_SEARCHERS) == 0);
    }
    const bool is_known = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (is_known) {
      push_place(L, library, lua_tostring(L, -2));
      lua_rawset(L, functions - 2);
    } else {
      lua_pop(L, 1);
    }
    lua_settop(L, functions + 1);
  }
}

static void push_new_places(lua_State *L) {
  const int places = lua_gettop(L) + 1;
  weak_table_push(L, "k", 0);
  fresh_push(L);
  originals_keep(L);
  push_kept(L);
  lua_pushnil(L);
  while (lua_next(L, places + 2)) {
    const char *library = lua_tostring(L, -2);
    lua_pushvalue(L, places);
    lua_getfield(L, places + 1, library);
    lua_pushvalue(L, -3);
    enter_functions(L, library);
    lua_settop(L, places + 3);
  }
  lua_settop(L, places);
}

static void push_places(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &places_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  push_new_places(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &places_key);
}

/* Pushes the place for which originals_replace has got this function, or nil. */
static void push_place_of_replacement(lua_State *L, int function) {
  weak_table_push_kept(L, &replacements_key, "k", OWN_USUAL);
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

bool originals_find(lua_State *L, int index) {
  luaL_checkstack(L, 16, "no room to name a function");
  const int top = lua_gettop(L);
  const int function = lua_absindex(L, index);
  push_places(L);
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1)) {
    push_place_of_replacement(L, function);
    if (lua_isnil(L, -1) && !fresh_find(L, function)) lua_pushboolean(L, 0);
    lua_pushvalue(L, function);
    lua_pushvalue(L, -2);
    lua_rawset(L, top + 1);
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  split_place(L);
  return true;
}

bool originals_is_at(lua_State *L, int index, const char *library, const char *key) {
  if (!originals_find(L, index)) return false;
  const bool is_there = strcmp(lua_tostring(L, -2), library) == 0 && strcmp(lua_tostring(L, -1), key) == 0;
  lua_pop(L, 2);
  return is_there;
}

bool originals_is_replaced(lua_State *L, int index, const char *library, const char *key) {
  return lua_isfunction(L, index) && !lua_iscfunction(L, index) && !originals_is_at(L, index, library, key);
}

void originals_push(lua_State *L, const char *library, const char *key) {
  luaL_checkstack(L, 12, "no room for a function");
  if (has_shared(L)) {
    push_of_place(L, library, key);
    return;
  }
  originals_push_library(L, library);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, key);
  lua_remove(L, -2);
}
