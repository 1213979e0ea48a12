/* SPDX-License-Identifier: MIT */
/* The state is a table:
 *   APPLIED_VERSIONS  name -> the version that the global has; nil: the worker's own
 *   APPLIED_FIRSTS    name -> the first call after the first change
 *   APPLIED_OWN       name -> the worker's own value, of names with a version
 *   APPLIED_LAST      the number of the call that the table of globals is prepared for */
#include "state/globals_apply.h"

#include "state/globals.h"
#include "state/module_fields.h"

enum { APPLIED_VERSIONS = 1, APPLIED_FIRSTS, APPLIED_OWN, APPLIED_LAST };

static const char state_key;

void globals_apply_begin(lua_State *L) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
}

static void push_state(lua_State *L) {
  lua_createtable(L, APPLIED_LAST, 0);
  for (int slot = APPLIED_VERSIONS; slot <= APPLIED_OWN; slot++) {
    lua_newtable(L);
    lua_rawseti(L, -2, slot);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
}

/* Pushes element `key` of the table in a field. */
static void push_element(lua_State *L, int table, int field, int key) {
  lua_rawgeti(L, table, field);
  lua_pushvalue(L, key);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* The value on top of the stack becomes element `key`. [-1, +0, memory] */
static void set_element(lua_State *L, int table, int field, int key) {
  lua_rawgeti(L, table, field);
  lua_pushvalue(L, key);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 2);
}

static lua_Number number_of(lua_State *L, int table, int field, int key) {
  push_element(L, table, field, key);
  const lua_Number number = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* Pushes the value that the VM has under the name. */
static void take_value(lua_State *L, int name) {
  if (field_name_is_one(L, name))
    field_push_value(L, name);
  else
    globals_take(L, name);
}

/* The VM has the value on top of the stack under the name from now on. [-1, +0, memory] */
static void put_value(lua_State *L, int name) {
  if (field_name_is_one(L, name))
    field_put(L, name);
  else
    globals_put(L, name);
}

static void break_value(lua_State *L, int name) {
  if (field_name_is_one(L, name))
    field_break(L, name);
  else
    globals_break(L, name);
}

/* ---- names that changed after the call was made ---------------------------------------------- */

enum { REVERT_STATE = 1, REVERT_NUMBER, REVERT_NAMES, REVERT_NAME };

/* (state, number) */
static int revert(lua_State *L) {
  const lua_Number number = lua_tonumber(L, REVERT_NUMBER);
  int count = 0;
  lua_newtable(L);
  lua_rawgeti(L, REVERT_STATE, APPLIED_FIRSTS);
  lua_pushnil(L);
  while (lua_next(L, REVERT_NAMES + 1)) {
    const bool is_later = lua_tonumber(L, -1) > number;
    lua_pop(L, 1);
    if (!is_later) continue;
    lua_pushvalue(L, -1);
    lua_rawseti(L, REVERT_NAMES, ++count);
  }
  for (; count > 0; count--) {
    lua_settop(L, REVERT_NAMES);
    lua_rawgeti(L, REVERT_NAMES, count);
    push_element(L, REVERT_STATE, APPLIED_OWN, REVERT_NAME);
    put_value(L, REVERT_NAME);
    for (int slot = APPLIED_VERSIONS; slot <= APPLIED_OWN; slot++) {
      lua_pushnil(L);
      set_element(L, REVERT_STATE, slot, REVERT_NAME);
    }
  }
  return 0;
}

/* ---- names that the call takes along --------------------------------------------------------- */

enum { TAKE_STATE = 1, TAKE_GLOBALS, TAKE_NAMES, TAKE_NAME };

static void keep_own(lua_State *L) {
  take_value(L, TAKE_NAME);
  set_element(L, TAKE_STATE, APPLIED_OWN, TAKE_NAME);
}

/* The version of element i of the globals, and whether the name, which is pushed, has it. [-0, +1] */
static bool has_version(lua_State *L, int i, lua_Number *version) {
  lua_settop(L, TAKE_NAMES);
  lua_rawgeti(L, TAKE_NAMES, i);
  lua_pushinteger(L, i);
  *version = number_of(L, TAKE_GLOBALS, CALL_VERSIONS, TAKE_NAME + 1);
  lua_settop(L, TAKE_NAME);
  const lua_Number own = number_of(L, TAKE_STATE, APPLIED_VERSIONS, TAKE_NAME);
  if (own == 0) keep_own(L);
  return own == *version;
}

/* Pushes the value of the name, or why there is none. [-0, +1] */
static bool push_value(lua_State *L) {
  push_element(L, TAKE_GLOBALS, CALL_BROKEN, TAKE_NAME);
  if (lua_isstring(L, -1)) return false;
  lua_pop(L, 1);
  push_element(L, TAKE_GLOBALS, CALL_VALUES, TAKE_NAME);
  return true;
}

static bool may_share(lua_State *L) { return lua_istable(L, -1) || lua_isfunction(L, -1); }

/* Takes element i, unless it is there and shares nothing. */
static void take_one(lua_State *L, int i) {
  lua_Number version;
  const bool has_it = has_version(L, i, &version);
  const bool has_value = push_value(L);
  if (has_it && !may_share(L)) return;
  if (has_value)
    put_value(L, TAKE_NAME);
  else
    break_value(L, TAKE_NAME);
  lua_pushnumber(L, version);
  set_element(L, TAKE_STATE, APPLIED_VERSIONS, TAKE_NAME);
  lua_pushinteger(L, i);
  push_element(L, TAKE_GLOBALS, CALL_FIRSTS, TAKE_NAME + 1);
  set_element(L, TAKE_STATE, APPLIED_FIRSTS, TAKE_NAME);
}

/* (state, globals of the call) If any of them is new, all that may share objects with it are taken. */
static int take(lua_State *L) {
  lua_Number version;
  bool is_anything_new = false;
  lua_rawgeti(L, TAKE_GLOBALS, CALL_NAMES);
  const int count = (int)lua_rawlen(L, TAKE_NAMES);
  for (int i = 1; i <= count; i++) is_anything_new |= !has_version(L, i, &version);
  for (int i = 1; i <= count && is_anything_new; i++) take_one(L, i);
  return 0;
}

/* Calls one of the two with the state on top of the stack, which is popped, and the value at `argument`. */
static void with_state(lua_State *L, lua_CFunction function, int argument) {
  lua_pushcfunction(L, function);
  lua_insert(L, -2);
  lua_pushvalue(L, argument);
  lua_call(L, 2, 0);
}

void globals_apply(lua_State *L, lua_Number number, int globals) {
  luaL_checkstack(L, 12, "no room for globals");
  globals = lua_absindex(L, globals);
  const int state = lua_gettop(L) + 1;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  if (lua_isnil(L, state)) {
    lua_pop(L, 1);
    if (lua_isnil(L, globals)) return;
    push_state(L);
  }
  lua_rawgeti(L, state, APPLIED_LAST);
  const bool is_prepared = lua_tonumber(L, -1) == number;
  lua_pop(L, 1);
  if (!is_prepared) {
    lua_pushnumber(L, number);
    lua_pushvalue(L, state);
    with_state(L, revert, state + 1);
    lua_rawseti(L, state, APPLIED_LAST);
    lua_pushvalue(L, state);
    if (lua_isnil(L, globals))
      lua_pop(L, 1);
    else
      with_state(L, take, globals);
  }
  lua_pop(L, 1);
}

void globals_apply_more(lua_State *L, int globals) {
  luaL_checkstack(L, 12, "no room for globals");
  globals = lua_absindex(L, globals);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    push_state(L);
  }
  lua_pushnumber(L, 0);
  lua_rawseti(L, -2, APPLIED_LAST);
  with_state(L, take, globals);
}
