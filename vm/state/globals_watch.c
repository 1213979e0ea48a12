/* SPDX-License-Identifier: MIT */
#include "state/globals_watch.h"

#include <string.h>

#include "base/bytes.h"
#include "channel/message_refs.h"
#include "state/encode_sets.h"
#include "state/fingerprint.h"
#include "state/function_names.h"
#include "state/globals.h"
#include "state/library.h"
#include "state/module_fields.h"
#include "state/names.h"
#include "state/transfer.h"
#include "state/weak_table.h"

enum watch_slot { WATCH_PRINTS = 1, WATCH_VERSIONS, WATCH_FIRSTS, WATCH_MODULES, WATCH_CHANGES };

/* Entries looked at of the values of a call. They are encoded in any case. */
enum { CALL_ENTRIES = 10000 };

/* Entries looked at of a table in a field of a module, and fields of a module. */
enum { FIELD_ENTRIES = 100, FIELDS_MAX = 1000 };

void globals_watch_push(lua_State *L) {
  lua_createtable(L, WATCH_CHANGES, 0);
  for (int slot = WATCH_PRINTS; slot <= WATCH_FIRSTS; slot++) {
    lua_newtable(L);
    lua_rawseti(L, -2, slot);
  }
  weak_table_push(L, "k", 0);
  lua_rawseti(L, -2, WATCH_MODULES);
  lua_pushnumber(L, 0);
  lua_rawseti(L, -2, WATCH_CHANGES);
}

static void push_global(lua_State *L, int name) {
  lua_pushglobaltable(L);
  lua_pushvalue(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* Pushes the global, or the field of a module, whose name is at index `name`. */
static void push_value(lua_State *L, int name) {
  if (field_name_is_one(L, name))
    field_push_value(L, name);
  else
    push_global(L, name);
}

static lua_Number number_at(lua_State *L, int table, int key) {
  lua_pushvalue(L, key);
  lua_rawget(L, table);
  const lua_Number number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

static void set_number(lua_State *L, int table, int key, lua_Number number) {
  lua_pushvalue(L, key);
  lua_pushnumber(L, number);
  lua_rawset(L, table);
}

static lua_Number changes_of(lua_State *L, int watch) {
  lua_rawgeti(L, watch, WATCH_CHANGES);
  const lua_Number changes = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return changes;
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* A watch whose tables are on the stack, and a finder. */
struct look {
  lua_State *L;
  int watch;
  int prints; /* stack indices */
  int versions;
  int firsts;
  int modules;
  lua_Number number; /* of the call that takes along what changed */
  struct finder finder;
};

static struct look look_at(lua_State *L, int watch, lua_Number number) {
  luaL_checkstack(L, 32, "no room to look at globals");
  struct look l = {.L = L, .watch = lua_absindex(L, watch), .number = number};
  const int top = lua_gettop(L);
  l.prints = top + WATCH_PRINTS;
  l.versions = top + WATCH_VERSIONS;
  l.firsts = top + WATCH_FIRSTS;
  l.modules = top + WATCH_MODULES;
  for (int slot = WATCH_PRINTS; slot <= WATCH_MODULES; slot++) lua_rawgeti(L, l.watch, slot);
  l.finder = finder_begin(L);
  return l;
}

/* The fingerprint of the value on top of the stack, which a module has in a field. A function counts by identity: what
 * it has in upvalues is the module's own. */
static lua_Number print_of_field(struct look *l) {
  return finder_print(&l->finder, lua_isfunction(l->L, -1) ? 0 : FIELD_ENTRIES);
}

/* The fingerprint of the global whose name is at index `name`. */
static lua_Number print_of(struct look *l, int name) {
  push_global(l->L, name);
  const lua_Number print = finder_print(&l->finder, GLOBALS_ENTRIES);
  lua_pop(l->L, 1);
  return print;
}

static void note_change(struct look *l, int name) {
  lua_State *L = l->L;
  const lua_Number version = number_at(L, l->versions, name);
  set_number(L, l->versions, name, version + 1);
  if (version == 0) set_number(L, l->firsts, name, l->number);
  lua_pushnumber(L, changes_of(L, l->watch) + 1);
  lua_rawseti(L, l->watch, WATCH_CHANGES);
}

static void compare(struct look *l, int name) {
  const lua_Number print = print_of(l, name);
  if (print == number_at(l->L, l->prints, name)) return;
  set_number(l->L, l->prints, name, print);
  note_change(l, name);
}

/* ---- modules --------------------------------------------------------------------------------- */

/* Pushes the table key -> fingerprint of the fields of the module at `module`. The first time they are taken as what a
 * worker has that loads the module. [-0, +1, memory] */
static void push_prints(struct look *l, int module) {
  lua_State *L = l->L;
  const int prints = lua_gettop(L) + 1, key = prints + 1;
  lua_pushvalue(L, module);
  lua_rawget(L, l->modules);
  if (!lua_isnil(L, prints)) return;
  lua_newtable(L);
  lua_replace(L, prints);
  lua_pushvalue(L, module);
  lua_pushvalue(L, prints);
  lua_rawset(L, l->modules);
  lua_pushnil(L);
  for (int i = 0; i < FIELDS_MAX && lua_next(L, module); i++) {
    if (lua_type(L, key) == LUA_TSTRING) set_number(L, prints, key, print_of_field(l));
    lua_settop(L, key);
  }
  lua_settop(L, prints);
}

static bool is_of_this_library(const char *module) {
  return strncmp(module, VM_LIBRARY_KEY, strlen(VM_LIBRARY_KEY)) == 0;
}

static void learn_modules(struct look *l) {
  lua_State *L = l->L;
  const int name = lua_gettop(L) + 2;
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, name - 1)) {
    const bool is_named = lua_type(L, name) == LUA_TSTRING && strcmp(lua_tostring(L, name), "_G") != 0;
    if (is_named && lua_istable(L, name + 1) && !is_of_this_library(lua_tostring(L, name)))
      push_prints(l, name + 1);
    lua_settop(L, name);
  }
  lua_settop(L, name - 2);
}

/* ---- the start of a worker ------------------------------------------------------------------- */

static bool is_empty(lua_State *L, int table) {
  lua_pushnil(L);
  const bool has = lua_next(L, table);
  if (has) lua_pop(L, 2);
  return !has;
}

/* Looks at the globals, and at those that were there when a worker started before. */
void globals_watch_start(lua_State *L, int watch, lua_Number next) {
  const int top = lua_gettop(L);
  globals_load(L);
  struct look l = look_at(L, watch, next);
  const bool is_first = is_empty(L, l.prints);
  const int name = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (!is_first && lua_next(L, l.prints)) {
    lua_pop(L, 1);
    push_global(L, name);
    const bool is_gone = lua_isnil(L, -1);
    lua_pop(L, 1);
    if (is_gone) compare(&l, name);
  }
  lua_settop(L, name - 1);
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, name)) {
    lua_pop(L, 1);
    if (lua_type(L, name + 1) != LUA_TSTRING) continue;
    if (is_first)
      set_number(L, l.prints, name + 1, print_of(&l, name + 1));
    else
      compare(&l, name + 1);
  }
  learn_modules(&l);
  finder_end(&l.finder);
  lua_settop(L, top);
}

/* ---- what is used ---------------------------------------------------------------------------- */

/* A search: names in `list`, each once; functions in `functions`, and between them names of classes; modules in
 * `modules`. */
struct search {
  lua_State *L;
  int known; /* name, or function -> true; stack indices */
  int list;
  int functions;
  int modules;
  int name_count;
  int field_count;
  struct look look;
};

/* Enters the value on top of the stack. False: it was known. */
static bool learn(struct search *s) {
  lua_State *L = s->L;
  lua_pushvalue(L, -1);
  lua_rawget(L, s->known);
  const bool is_known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_known) return false;
  lua_pushvalue(L, -1);
  lua_pushboolean(L, 1);
  lua_rawset(L, s->known);
  return true;
}

/* Adds the name on top of the stack, and looks at what its global holds. [-1, +0, memory] */
static void add_name(struct search *s) {
  lua_State *L = s->L;
  if (learn(s)) {
    lua_pushvalue(L, -1);
    lua_rawseti(L, s->list, ++s->name_count);
    compare(&s->look, lua_gettop(L));
  }
  lua_pop(L, 1);
}

/* Adds the names in the function on top of the stack. [-1, +0, memory] */
static void add_names(struct search *s) {
  lua_State *L = s->L;
  function_names_push(L, -1);
  const int names = lua_gettop(L);
  const int count = (int)lua_rawlen(L, names);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, names, i);
    add_name(s);
  }
  lua_pop(L, 2);
}

static bool is_globals(lua_State *L, int module) {
  lua_pushglobaltable(L);
  const bool is_it = lua_rawequal(L, -1, module);
  lua_pop(L, 1);
  return is_it;
}

/* package.loaded is the modules themselves, which go by name where something refers to them. */
static bool is_loaded(lua_State *L, int value) {
  lua_pushloaded(L);
  const bool is_it = lua_rawequal(L, -1, value);
  lua_pop(L, 1);
  return is_it;
}

/* Where the list has the n-th field that is not as a global: module, key and fingerprint, each at a place of its own. */
enum { FIELD_MODULE = -1, FIELD_KEY = -2, FIELD_PRINT = -3, FIELD_PARTS = 3 };

/* Adds the field to those that the list keeps an eye on. The value is on top of the stack. */
static lua_Number add_field(struct search *s, int module, int key) {
  lua_State *L = s->L;
  const lua_Number print = print_of_field(&s->look);
  const int place = -FIELD_PARTS * s->field_count++;
  lua_pushvalue(L, module);
  lua_rawseti(L, s->list, place + FIELD_MODULE);
  lua_pushvalue(L, key);
  lua_rawseti(L, s->list, place + FIELD_KEY);
  lua_pushnumber(L, print);
  lua_rawseti(L, s->list, place + FIELD_PRINT);
  return print;
}

/* Adds the fields that the module at `module` has, or may get, under the first `count` names. Those that have changed
 * have names of their own among the names; the module's fingerprints have a mark at 0 that there are some. */
static void add_fields(struct search *s, int module, int count) {
  lua_State *L = s->L;
  const int top = lua_gettop(L), name = top + 1, prints = top + 2, key = top + 3, value = top + 4;
  if (is_globals(L, module) || !names_find_module(L, module)) return;
  push_prints(&s->look, module);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, s->list, i);
    lua_pushvalue(L, key);
    lua_rawget(L, module);
    if (is_loaded(L, value)) {
      lua_settop(L, prints);
      continue;
    }
    const lua_Number print = add_field(s, module, key);
    lua_rawgeti(L, prints, 0);
    const bool is_other = print != number_at(L, prints, key);
    if ((is_other || !lua_isnil(L, value + 1)) && field_push_name(L, name, key)) {
      if (is_other) note_change(&s->look, value + 2);
      if (is_other) set_number(L, prints, key, print);
      lua_rawseti(L, s->list, ++s->name_count);
      lua_pushnumber(L, 1);
      lua_rawseti(L, prints, 0);
    }
    lua_settop(L, prints);
  }
  lua_settop(L, top);
}

/* Adds the fields of the modules that were met, of those whose names the code has, and of what strings have methods
 * of. */
static void add_modules(struct search *s) {
  lua_State *L = s->L;
  const int count = s->name_count, loaded = lua_gettop(L) + 1;
  lua_pushloaded(L);
  lua_getfield(L, loaded, LUA_STRLIBNAME);
  for (int i = 0; i <= s->look.finder.module_count + count; i++) {
    if (i > 0 && i <= count) {
      lua_rawgeti(L, s->list, i);
      lua_rawget(L, loaded);
    } else if (i > count) {
      lua_rawgeti(L, s->modules, i - count);
    }
    if (lua_istable(L, -1) && learn(s)) add_fields(s, loaded + 1, count);
    lua_settop(L, loaded);
  }
  lua_settop(L, loaded - 1);
}

void globals_watch_push_uses(lua_State *L, int watch, int first, int count, lua_Number number) {
  luaL_checkstack(L, 40, "no room to look at globals");
  const int top = lua_gettop(L);
  struct search s = {.L = L, .list = top + 1, .known = top + 2, .functions = top + 3, .modules = top + 4};
  watch = lua_absindex(L, watch);
  for (int i = 0; i < 4; i++) lua_newtable(L);
  s.look = look_at(L, watch, number);
  struct finder *finder = &s.look.finder;
  finder->functions = s.functions;
  finder->modules = s.modules;
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
    (void)finder_print(finder, CALL_ENTRIES);
    lua_pop(L, 1);
  }
  for (int done = 0; done < finder->function_count;) {
    lua_rawgeti(L, s.functions, ++done);
    if (lua_type(L, -1) == LUA_TSTRING)
      add_name(&s);
    else if (learn(&s))
      add_names(&s);
    else
      lua_pop(L, 1);
  }
  add_modules(&s);
  finder_end(finder);
  lua_pushnumber(L, changes_of(L, watch));
  lua_rawseti(L, s.list, 0);
  lua_settop(L, s.list);
}

/* Whether the fields that the list keeps an eye on are as they were. */
static bool fields_are_current(struct look *l, int uses) {
  lua_State *L = l->L;
  const int module = lua_gettop(L) + 1;
  bool are_current = true;
  for (int place = 0; are_current; place -= FIELD_PARTS) {
    lua_rawgeti(L, uses, place + FIELD_MODULE);
    if (lua_isnil(L, module)) break;
    lua_rawgeti(L, uses, place + FIELD_KEY);
    lua_rawget(L, module);
    const lua_Number print = print_of_field(l);
    lua_rawgeti(L, uses, place + FIELD_PRINT);
    are_current = lua_tonumber(L, -1) == print;
    lua_settop(L, module - 1);
  }
  lua_settop(L, module - 1);
  return are_current;
}

bool globals_watch_is_current(lua_State *L, int watch, int uses) {
  const int top = lua_gettop(L);
  uses = lua_absindex(L, uses);
  lua_rawgeti(L, uses, 0);
  bool is_current = lua_tonumber(L, -1) == changes_of(L, lua_absindex(L, watch));
  if (is_current) {
    struct look l = look_at(L, watch, 0);
    const int name = lua_gettop(L) + 1;
    for (int i = 1; is_current; i++) {
      lua_rawgeti(L, uses, i);
      if (lua_isnil(L, name)) break;
      if (!field_name_is_one(L, name)) is_current = print_of(&l, name) == number_at(L, l.prints, name);
      lua_settop(L, name - 1);
    }
    lua_settop(L, name - 1);
    is_current = is_current && fields_are_current(&l, uses);
    finder_end(&l.finder);
  }
  lua_settop(L, top);
  return is_current;
}

/* ---- the globals of a call ------------------------------------------------------------------- */

/* Makes the table of the globals of a call at `globals`, which is nil, with room for all fields. */
static void make_globals(lua_State *L, int globals) {
  lua_createtable(L, CALL_BROKEN, 0);
  for (int field = CALL_NAMES; field <= CALL_BROKEN; field++) {
    lua_newtable(L);
    lua_rawseti(L, -2, field);
  }
  lua_replace(L, globals);
}

/* Stores the value on top of the stack as element `key` of a field. [-1, +0, memory] */
static void set_element(lua_State *L, int globals, int field, int element) {
  lua_rawgeti(L, globals, field);
  lua_insert(L, -2);
  lua_rawseti(L, -2, element);
  lua_pop(L, 1);
}

/* The stack of globals_watch_push_call, above the globals of the call. */
enum { ABOVE_VERSIONS = 1, ABOVE_FIRSTS, ABOVE_NAME };

static void add_global(lua_State *L, int globals, int element) {
  const int name = globals + ABOVE_NAME;
  if (element == 1) make_globals(L, globals);
  lua_pushvalue(L, name);
  set_element(L, globals, CALL_NAMES, element);
  lua_pushnumber(L, number_at(L, globals + ABOVE_VERSIONS, name));
  set_element(L, globals, CALL_VERSIONS, element);
  lua_pushnumber(L, number_at(L, globals + ABOVE_FIRSTS, name));
  set_element(L, globals, CALL_FIRSTS, element);
  lua_rawgeti(L, globals, CALL_VALUES);
  lua_pushvalue(L, name);
  push_value(L, name);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

bool globals_watch_push_call(lua_State *L, int watch, int uses) {
  luaL_checkstack(L, 16, "no room for globals");
  const int globals = lua_gettop(L) + 1;
  uses = lua_absindex(L, uses);
  watch = lua_absindex(L, watch);
  lua_pushnil(L);
  lua_rawgeti(L, watch, WATCH_VERSIONS);
  lua_rawgeti(L, watch, WATCH_FIRSTS);
  int count = 0;
  for (int i = 1; changes_of(L, watch) > 0; i++) {
    lua_rawgeti(L, uses, i);
    if (lua_isnil(L, -1)) break;
    if (number_at(L, globals + ABOVE_VERSIONS, globals + ABOVE_NAME) > 0) add_global(L, globals, ++count);
    lua_pop(L, 1);
  }
  lua_settop(L, count ? globals : globals - 1);
  return count > 0;
}

/* ---- what cannot be sent --------------------------------------------------------------------- */

/* Whether the values can be sent; if not, pushes the error. */
static bool is_sendable(lua_State *L, int first, int count, const char *what) {
  struct bytes *text = NULL;
  if (transfer_try_encode(L, first, count, what, &text)) return false;
  message_refs_discard(text->data, text->len);
  return true;
}

/* Moves each global that cannot be sent from the values to the broken ones. */
static void single_out(lua_State *L, int globals) {
  lua_rawgeti(L, globals, CALL_VALUES);
  lua_rawgeti(L, globals, CALL_BROKEN);
  const int values = lua_gettop(L) - 1, broken = values + 1, name = values + 2, value = values + 3;
  lua_pushnil(L);
  while (lua_next(L, values)) {
    field_push_shown(L, name);
    const bool can_be_sent = is_sendable(L, value, 1, lua_tostring(L, value + 1));
    lua_remove(L, value + 1);
    if (!can_be_sent) {
      lua_pushvalue(L, name);
      if (lua_isstring(L, value + 1))
        lua_pushvalue(L, value + 1);
      else
        lua_pushliteral(L, "it cannot be sent");
      lua_rawset(L, broken);
      lua_pushvalue(L, name);
      lua_pushnil(L);
      lua_rawset(L, values);
    }
    lua_settop(L, name);
  }
  lua_settop(L, values - 1);
}

void globals_watch_join(lua_State *L, int count, const char *what) {
  const int globals = lua_gettop(L), first = globals - count;
  transfer_open(L);
  luaL_checkstack(L, count + 16, "too many values to send");
  if (!is_sendable(L, first, count, what)) lua_error(L);
  if (!is_sendable(L, globals, 1, "globals")) single_out(L, globals);
  lua_settop(L, globals);
  lua_pushvalue(L, globals);
  lua_rawgeti(L, globals, CALL_VALUES);
  encode_set_renewed(L);
  lua_insert(L, first);
}
