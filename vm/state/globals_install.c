/* SPDX-License-Identifier: MIT */
/* The receiver's side: the state of an image, and the metamethods that decode it.
 *
 * The state is one Lua table, upvalue 1 of each metamethod and an entry of the registry:
 *   STATE_IMAGE    userdata: the parsed message
 *   STATE_MEMO     offset -> object, for all decoded objects of the image
 *   STATE_NAMES    global name -> offset of its content, or text of the error it raises
 *   STATE_CLASSES  the same for registered classes
 *   STATE_HIDDEN   name -> value, of names that are not in _G while any is pending: `_G` and others by
 *                  which a script gets hold of the table itself
 *   STATE_MODULES  name of a host's module -> its fields, name -> offset, until it is required
 *   STATE_NEEDING  set of the global names that need modules; only those of STATE_NAMES count
 *   STATE_HOOKS    the metatable that _G has while any name is pending
 *   STATE_WATCHED  a metatable of _G of the script's own that lets broken names raise (keep_broken), or nil
 *   STATE_OWNER    the script's own metatable of _G: offset, text, or nil
 *
 * I1  A name is pending while it is in STATE_NAMES; then it is not in _G. While any name is
 *     pending, the metatable of _G is STATE_HOOKS, unless the script has set another one.
 * I2  Before a script can look at the table of globals, or at its metatable, all names are decoded: when
 *     it uses a hidden name, when it receives the table as a value, and at once if the program has a
 *     metatable of its own. So rawget, next and a strict mode find what they find in the program.
 * I3  A module that is being loaded, and uses a hidden name, does not find the names that need modules: one of them
 *     may need this module, which would be loaded a second time. They are decoded at the next sight of the table, at
 *     the latest with the next message.
 *
 * A name is removed before it is decoded: a module that is required meanwhile and uses the name
 * finds nil, and does not recurse.
 */
#include <string.h>

#include "state/broken_names.h"
#include "state/decode_class.h"
#include "state/fresh.h"
#include "state/globals.h"
#include "state/names.h"
#include "state/originals.h"
#include "wire/format.h"

enum state_slot {
  STATE_IMAGE = 1,
  STATE_MEMO,
  STATE_NAMES,
  STATE_CLASSES,
  STATE_HIDDEN,
  STATE_MODULES,
  STATE_NEEDING,
  STATE_HOOKS,
  STATE_WATCHED,
  STATE_OWNER
};

static const char state_key;

/* ---- decoding an entry's content ------------------------------------------------------------- */

enum { CONTENT_STATE = 1, CONTENT_OFFSET, CONTENT_MEMO };

/* (state, offset) -> value */
static int content_protected(lua_State *L) {
  lua_rawgeti(L, CONTENT_STATE, STATE_IMAGE);
  const struct message *m = lua_touserdata(L, -1);
  lua_pop(L, 1);
  lua_rawgeti(L, CONTENT_STATE, STATE_MEMO);
  lua_pushnil(L);
  struct decoder d = class_decoder_make(L, m, CONTENT_MEMO);
  d.types = scratch_of(L)->types;
  d.is_image = true;
  d.trust = TRUST_OWN_PROGRAM;
  d.r.at = d.r.begin + (size_t)lua_tonumber(L, CONTENT_OFFSET);
  decode_value(&d);
  decode_deferred(&d);
  decode_end(&d);
  return 1;
}

/* Replaces the offset on top of the stack by its value and returns true, or by an error's text and
 * returns false; a text stays. A failure empties the memo, because objects in it may be
 * half-filled. [-1, +1, memory] */
static bool content_decode(lua_State *L, int state) {
  if (lua_type(L, -1) == LUA_TSTRING) return false;
  lua_pushcfunction(L, content_protected);
  lua_pushvalue(L, state);
  lua_pushvalue(L, -3);
  const bool is_decoded = lua_pcall(L, 2, 1, 0) == 0;
  lua_remove(L, -2);
  if (is_decoded) return true;
  lua_newtable(L);
  lua_rawseti(L, state, STATE_MEMO);
  if (lua_type(L, -1) == LUA_TSTRING) return false;
  lua_pop(L, 1);
  lua_pushliteral(L, "it cannot be decoded");
  return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Puts the hidden names back. [-0, +0, memory] */
static void reveal(lua_State *L, int state) {
  const int top = lua_gettop(L);
  lua_rawgeti(L, state, STATE_HIDDEN);
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, top + 1)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, top + 2);
  }
  lua_newtable(L);
  lua_rawseti(L, state, STATE_HIDDEN);
  lua_settop(L, top);
}

/* When no name is pending, _G has no metatable of ours any more. */
static void retire_if_empty(lua_State *L, int state) {
  const int top = lua_gettop(L);
  lua_rawgeti(L, state, STATE_NAMES);
  lua_pushnil(L);
  if (!lua_next(L, -2)) {
    reveal(L, state);
    lua_pushglobaltable(L);
    lua_rawgeti(L, state, STATE_HOOKS);
    const bool is_hooked = lua_getmetatable(L, -2) && lua_rawequal(L, -1, -2);
    lua_settop(L, top + 2);
    lua_pushnil(L);
    if (is_hooked) lua_setmetatable(L, -2);
  }
  lua_settop(L, top);
}

/* Stores the value on top of the stack as pending for the name at index `name`; nil: no longer
 * pending. [-1, +0, memory] */
static void set_pending(lua_State *L, int state, int slot, int name) {
  lua_rawgeti(L, state, slot);
  lua_pushvalue(L, name);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 2);
}

/* Pushes what is pending for a name: offset, text or nil. [-0, +1] */
static void push_pending(lua_State *L, int state, int slot, int name) {
  lua_rawgeti(L, state, slot);
  lua_pushvalue(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* Replaces what is pending for the name, on top of the stack, by its value and sets the global.
 * False: replaces it by the error's text. [-1, +1, memory] */
static bool global_decode(lua_State *L, int state, int name) {
  lua_pushnil(L);
  set_pending(L, state, STATE_NAMES, name);
  if (!content_decode(L, state)) {
    lua_pushvalue(L, -1);
    set_pending(L, state, STATE_NAMES, name);
    return false;
  }
  lua_pushglobaltable(L);
  lua_pushvalue(L, name);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return true;
}

/* Pushes an array of the names in a slot, which may change while the array is traversed. Returns
 * its length. [-0, +1, memory] */
static int push_pending_names(lua_State *L, int state, int slot) {
  lua_newtable(L);
  lua_rawgeti(L, state, slot);
  int count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -4, ++count);
  }
  lua_pop(L, 1);
  return count;
}

enum load_which { LOAD_ALL, LOAD_WITHOUT_MODULES };

static void load_globals(lua_State *L, int state, enum load_which which) {
  const int count = push_pending_names(L, state, STATE_NAMES);
  const int list = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    push_pending(L, state, STATE_NEEDING, list + 1);
    const bool is_wanted = which == LOAD_ALL || lua_isnil(L, -1);
    push_pending(L, state, STATE_NAMES, list + 1);
    if (is_wanted && lua_type(L, -1) == LUA_TNUMBER) (void)global_decode(L, state, list + 1);
    lua_settop(L, list);
  }
  lua_settop(L, list - 1);
  retire_if_empty(L, state);
}

/* The script looks at the table of globals: all that is in it has to be there. */
static void look(lua_State *L, int state) {
  reveal(L, state);
  load_globals(L, state, LOAD_ALL);
}

/* sighting() */
static int sighting(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  look(L, 1);
  return 0;
}

static bool is_empty(lua_State *L, int state, int slot) {
  lua_rawgeti(L, state, slot);
  lua_pushnil(L);
  const bool has = lua_next(L, -2);
  lua_pop(L, has ? 3 : 1);
  return !has;
}

/* Pushes the value of the name if it is hidden; else nil. The script looks at the table then. */
static void push_if_hidden(lua_State *L, int state, int name) {
  push_pending(L, state, STATE_HIDDEN, name);
  if (lua_isnil(L, -1)) return;
  if (is_empty(L, state, STATE_NEEDING) || !names_module_is_loading(L)) {
    look(L, state);
    return;
  }
  load_globals(L, state, LOAD_WITHOUT_MODULES);
  decode_see_globals_later(L);
}

/* __index(t, name) */
static int global_index(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  push_pending(L, 3, STATE_NAMES, 2);
  if (lua_isnil(L, -1)) {
    push_if_hidden(L, 3, 2);
    if (!lua_isnil(L, -1)) return 1;
    lua_pushvalue(L, 2);
    lua_rawget(L, 1);
    return 1;
  }
  if (!global_decode(L, 3, 2))
    return luaL_error(L, "global '%s': %s", lua_tostring(L, 2), lua_tostring(L, -1));
  retire_if_empty(L, 3);
  return 1;
}

/* __newindex(t, name, value): an assignment replaces what is pending. */
static int global_newindex(lua_State *L) {
  lua_settop(L, 3);
  lua_pushvalue(L, lua_upvalueindex(1));
  push_pending(L, 4, STATE_NAMES, 2);
  if (lua_isnil(L, -1)) push_if_hidden(L, 4, 2);
  if (!lua_isnil(L, -1)) {
    lua_pushnil(L);
    set_pending(L, 4, STATE_NAMES, 2);
    lua_pushnil(L);
    set_pending(L, 4, STATE_HIDDEN, 2);
  }
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, 1);
  retire_if_empty(L, 4);
  return 0;
}

/* __pairs(t) */
static int global_pairs(lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  look(L, 2);
  originals_push(L, "_G", "next");
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Decodes and registers the class whose name is at index `name`. What is pending for it is on top
 * of the stack and popped. False: it is replaced by the error's text. */
static bool class_decode(lua_State *L, int state, int name) {
  if (!content_decode(L, state)) return false;
  lua_pushnil(L);
  set_pending(L, state, STATE_CLASSES, name);
  names_register(L, lua_tostring(L, name), names_audience_of(L, lua_tostring(L, name)));
  return true;
}

/* __index(classes, name), of the table of registered classes */
static int class_index(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  push_pending(L, 3, STATE_CLASSES, 2);
  if (lua_isnil(L, -1)) return 1;
  if (!class_decode(L, 3, 2)) return luaL_error(L, "class '%s': %s", lua_tostring(L, 2), lua_tostring(L, -1));
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  return 1;
}

/* Whether a script of this VM has registered a class under the name at index `name` since. */
static bool is_registered_here(lua_State *L, int name) {
  names_push_all_registered(L);
  lua_pushvalue(L, name);
  lua_rawget(L, -2);
  const bool is_there = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return is_there;
}

static void load_classes(lua_State *L, int state) {
  const int count = push_pending_names(L, state, STATE_CLASSES);
  const int list = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, list, i);
    push_pending(L, state, STATE_CLASSES, list + 1);
    if (lua_type(L, -1) == LUA_TNUMBER && !is_registered_here(L, list + 1))
      (void)class_decode(L, state, list + 1);
    lua_settop(L, list);
  }
  lua_settop(L, list - 1);
}

/* ---- stand-ins for functions ----------------------------------------------------------------- */

/* Upvalues: state, offset. A function of package.preload, which is decoded when it is called. */
static int preload_call(lua_State *L) {
  const int arguments = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  if (!content_decode(L, arguments + 1)) return lua_error(L);
  lua_replace(L, arguments + 1);
  lua_insert(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

/* Decodes the field on top of the stack, a key and an offset, into the table at `module`. One that cannot be
 * decoded is not there. [-2, +0, memory] */
static void field_decode(lua_State *L, int state, int module) {
  const int key = lua_gettop(L) - 1;
  if (content_decode(L, state)) {
    if (*lua_tostring(L, key) == '\0')
      lua_setmetatable(L, module);
    else
      lua_rawset(L, module);
  }
  lua_settop(L, key - 1);
}

/* Upvalue: state. (name) -> module: a function of package.preload, for a host's module. The module is there
 * before its fields, because their functions may use it. */
static int module_call(lua_State *L) {
  enum { NAME = 1, STATE, FIELDS, MODULE };
  lua_settop(L, NAME);
  lua_pushvalue(L, lua_upvalueindex(1));
  push_pending(L, STATE, STATE_MODULES, NAME);
  lua_newtable(L);
  lua_pushloaded(L);
  lua_pushvalue(L, NAME);
  lua_pushvalue(L, MODULE);
  lua_rawset(L, -3);
  lua_pushnil(L);
  while (lua_istable(L, FIELDS) && lua_next(L, FIELDS)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    field_decode(L, STATE, MODULE);
  }
  lua_settop(L, MODULE);
  return 1;
}

/* Upvalue: text. Stands for a function that could not be decoded. */
static int broken_call(lua_State *L) { return luaL_error(L, "%s", lua_tostring(L, lua_upvalueindex(1))); }

/* ---- installing: one function per kind of entry ---------------------------------------------- */
/* Stack: the state at 1; on top the key and what is pending for it. */

enum { INSTALL_STATE = 1 };

static void install_pending(lua_State *L, enum state_slot slot) {
  set_pending(L, INSTALL_STATE, slot, lua_gettop(L) - 1);
}

/* Whether what is pending, on top of the stack, is nil: the program has removed the name. */
static bool is_removed(lua_State *L) {
  if (lua_type(L, -1) != LUA_TNUMBER) return false;
  lua_rawgeti(L, INSTALL_STATE, STATE_IMAGE);
  const struct message *m = lua_touserdata(L, -1);
  lua_pop(L, 1);
  const size_t offset = (size_t)lua_tonumber(L, -1);
  return offset < m->body_end && m->data[offset] == TAG_NIL;
}

/* Removes the name from _G: a fresh VM may have it with another value than the image. */
static void install_global(lua_State *L) {
  const int key = lua_gettop(L) - 1;
  if (!is_removed(L)) install_pending(L, STATE_NAMES);
  lua_pushglobaltable(L);
  lua_pushvalue(L, key);
  lua_pushnil(L);
  lua_rawset(L, -3);
}

/* Pushes a library; the metatable of strings is made if there is none. */
static void push_library(lua_State *L, const char *library) {
  fresh_push_library(L, library);
  if (!lua_isnil(L, -1) || strcmp(library, FRESH_STRINGS) != 0) return;
  lua_pushliteral(L, "");
  lua_newtable(L);
  lua_setmetatable(L, -2);
  lua_getmetatable(L, -1);
}

/* On top: library, an empty key, the pending metatable of the library. */
static void install_metatable(lua_State *L) {
  const int library = lua_gettop(L) - 2;
  if (!content_decode(L, INSTALL_STATE)) return;
  push_library(L, lua_tostring(L, library));
  if (!lua_istable(L, -1) || !lua_istable(L, library + 2)) return;
  lua_pushvalue(L, library + 2);
  lua_setmetatable(L, -2);
}

/* On top: library, key, what is pending. */
static void install_library(lua_State *L) {
  const int library = lua_gettop(L) - 2;
  if (!content_decode(L, INSTALL_STATE)) {
    lua_pushfstring(L, "%s.%s: %s", lua_tostring(L, library), lua_tostring(L, library + 1),
                    lua_tostring(L, -1));
    lua_pushcclosure(L, broken_call, 1);
    lua_replace(L, library + 2);
  }
  push_library(L, lua_tostring(L, library));
  if (!lua_istable(L, -1)) return;
  lua_pushvalue(L, library + 1);
  lua_pushvalue(L, library + 2);
  lua_rawset(L, -3);
}

/* A module that cannot be decoded is not there: `require` looks for it. */
static void install_module(lua_State *L) {
  const int key = lua_gettop(L) - 1;
  if (!content_decode(L, INSTALL_STATE)) return;
  lua_pushloaded(L);
  lua_pushvalue(L, key);
  lua_pushvalue(L, key + 1);
  lua_rawset(L, -3);
}

/* Fills the list that `require` reads. */
static void install_searchers(lua_State *L) {
  const int list = lua_gettop(L);
  if (!content_decode(L, INSTALL_STATE) || !lua_istable(L, list)) return;
  lua_pushsearchers(L);
  const int own = list + 1;
  if (!lua_istable(L, own)) return;
  const int count = (int)lua_rawlen(L, list), old_count = (int)lua_rawlen(L, own);
  for (int i = 1; i <= count || i <= old_count; i++) {
    lua_rawgeti(L, list, i);
    lua_rawseti(L, own, i);
  }
}

static void install_type(lua_State *L) {
  const int type = lua_gettop(L) - 1;
  if (!content_decode(L, INSTALL_STATE))
    luaL_error(L, "the metatable of the type %s: %s", lua_tostring(L, type), lua_tostring(L, -1));
  fresh_push_value_of_type(L, lua_tostring(L, type));
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
}

/* The function on top of the stack becomes that of package.preload for the name at index `key`. */
static void set_preload(lua_State *L, int key) {
  const int function = lua_gettop(L);
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  if (!lua_istable(L, -1)) return;
  lua_getfield(L, -1, "preload");
  lua_pushvalue(L, key);
  lua_pushvalue(L, function);
  lua_rawset(L, -3);
}

static void install_preload(lua_State *L) {
  const int key = lua_gettop(L) - 1;
  if (lua_type(L, -1) == LUA_TSTRING) {
    lua_pushcclosure(L, broken_call, 1);
  } else {
    lua_pushvalue(L, INSTALL_STATE);
    lua_insert(L, -2);
    lua_pushcclosure(L, preload_call, 2);
  }
  set_preload(L, key);
}

/* On top: name of the module, key, what is pending. */
static void install_field(lua_State *L) {
  const int name = lua_gettop(L) - 2;
  push_pending(L, INSTALL_STATE, STATE_MODULES, name);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_replace(L, name + 3);
    lua_pushvalue(L, name + 3);
    set_pending(L, INSTALL_STATE, STATE_MODULES, name);
    lua_pushvalue(L, INSTALL_STATE);
    lua_pushcclosure(L, module_call, 1);
    set_preload(L, name);
    lua_settop(L, name + 3);
  }
  lua_pushvalue(L, name + 1);
  lua_pushvalue(L, name + 2);
  lua_rawset(L, name + 3);
}

/* What is decoded when it is used. */
static void install_lazily(lua_State *L, enum image_kind kind) {
  switch (kind) {
    case IMAGE_GLOBAL: install_global(L); return;
    case IMAGE_GLOBAL_NEEDING:
      lua_pushboolean(L, 1);
      set_pending(L, INSTALL_STATE, STATE_NEEDING, lua_gettop(L) - 2);
      install_global(L);
      return;
    case IMAGE_PRELOAD: install_preload(L); return;
    case IMAGE_MODULE: install_field(L); return;
    case IMAGE_CLASS: install_pending(L, STATE_CLASSES); return;
    case IMAGE_CLASS_FOR_STRANGERS:
      names_set_audience(L, lua_tostring(L, -2), NAMES_FOR_STRANGERS);
      install_pending(L, STATE_CLASSES);
      return;
    case IMAGE_METATABLE: lua_rawseti(L, INSTALL_STATE, STATE_OWNER); return;
    default: return;
  }
}

/* What a script cannot wait for. It is small, as a rule. */
static void install_at_once(lua_State *L, enum image_kind kind) {
  switch (kind) {
    case IMAGE_LIBRARY: lua_rawlen(L, -2) ? install_library(L) : install_metatable(L); return;
    case IMAGE_LOADED: install_module(L); return;
    case IMAGE_SEARCHERS: install_searchers(L); return;
    case IMAGE_TYPE: install_type(L); return;
    default: return;
  }
}

/* Pushes the key (before it the library, if there is one) and what is pending for it, and moves the
 * cursor behind the entry. [-0, +2|3, raises] */
static enum image_kind read_entry(struct decoder *d) {
  uint8_t kind = 0;
  uint32_t size = 0;
  if (read_u8(&d->r, &kind) || read_u32(&d->r, &size)) decode_raise_malformed(d);
  const size_t start = reader_offset(&d->r);
  const unsigned bare = kind & ~(unsigned)IMAGE_BROKEN;
  if (bare == IMAGE_LIBRARY || bare == IMAGE_MODULE) decode_sized(d);
  decode_sized(d);
  if (kind & IMAGE_BROKEN)
    decode_sized(d);
  else
    lua_pushnumber(d->L, (lua_Number)reader_offset(&d->r));
  if (reader_seek(&d->r, start + size)) decode_raise_malformed(d);
  return kind & ~IMAGE_BROKEN;
}

/* Pushes a state of nothing. [-0, +1, memory] */
static void push_empty_state(lua_State *L) {
  lua_createtable(L, STATE_OWNER, 0);
  for (int slot = STATE_MEMO; slot <= STATE_NEEDING; slot++) {
    lua_newtable(L);
    lua_rawseti(L, -2, slot);
  }
}

static void push_state(lua_State *L, const void *data, size_t size) {
  push_empty_state(L);
  struct message *m = lua_newuserdata(L, sizeof *m);
  if (message_parse(data, size, m) || m->version != WIRE_VERSION || !(m->flags & FLAG_IMAGE))
    luaL_error(L, "malformed globals");
  lua_rawseti(L, -2, STATE_IMAGE);
}

/* Pushes a table of functions with the state as upvalue. [-0, +1, memory] */
static void push_metatable(lua_State *L, const luaL_Reg *functions) {
  lua_newtable(L);
  lua_pushvalue(L, INSTALL_STATE);
  luaL_setfuncs(L, functions, 1);
}

/* Takes from _G the names by which a script gets hold of the table itself. */
static void hide(lua_State *L) {
  static const char *const names[] = {"_G", "getfenv", "module", "setfenv"};
  lua_pushglobaltable(L);
  lua_rawgeti(L, INSTALL_STATE, STATE_HIDDEN);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_pushstring(L, names[i]);
    lua_rawget(L, INSTALL_STATE + 1);
    lua_setfield(L, INSTALL_STATE + 2, names[i]);
    lua_pushstring(L, names[i]);
    lua_pushnil(L);
    lua_rawset(L, INSTALL_STATE + 1);
  }
  lua_settop(L, INSTALL_STATE);
}

/* Gives _G the metatable that knows of the state. */
static void hook_globals(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"__index", global_index}, {"__newindex", global_newindex}, {"__pairs", global_pairs}, {NULL, NULL}};
  lua_pushglobaltable(L);
  push_metatable(L, functions);
  lua_pushvalue(L, -1);
  lua_rawseti(L, INSTALL_STATE, STATE_HOOKS);
  lua_setmetatable(L, -2);
}

static void install_hooks(lua_State *L) {
  static const luaL_Reg of_classes[] = {{"__index", class_index}, {NULL, NULL}};
  hide(L);
  hook_globals(L);
  names_push_all_registered(L);
  push_metatable(L, of_classes);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, INSTALL_STATE);
  lua_pushcclosure(L, sighting, 1);
  decode_set_sighting(L);
  lua_settop(L, INSTALL_STATE);
  retire_if_empty(L, INSTALL_STATE);
}

/* Lets broken names raise in a VM whose _G has the metatable on top of the stack. [-0, +0, memory] */
static void keep_broken(lua_State *L) {
  lua_pushvalue(L, -1);
  lua_rawseti(L, INSTALL_STATE, STATE_WATCHED);
  lua_rawgeti(L, INSTALL_STATE, STATE_NAMES);
  broken_names_guard(L, lua_gettop(L) - 1);
}

/* Gives _G the program's own metatable: it handles names as in the program, so all have to be there. */
static void install_owner(lua_State *L) {
  lua_rawgeti(L, INSTALL_STATE, STATE_OWNER);
  if (lua_isnil(L, -1)) return;
  look(L, INSTALL_STATE);
  if (!content_decode(L, INSTALL_STATE)) luaL_error(L, "the metatable of _G: %s", lua_tostring(L, -1));
  if (!is_empty(L, INSTALL_STATE, STATE_NAMES)) keep_broken(L);
  lua_pushglobaltable(L);
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
}

struct install_call {
  const void *data;
  size_t size;
};

static void install_each(lua_State *L, void (*install)(lua_State *L, enum image_kind kind)) {
  lua_rawgeti(L, INSTALL_STATE, STATE_IMAGE);
  struct decoder d = class_decoder_make(L, lua_touserdata(L, -1), 0);
  while (reader_left(&d.r) > 0) {
    lua_settop(L, INSTALL_STATE);
    install(L, read_entry(&d));
  }
  lua_settop(L, INSTALL_STATE);
}

/* (install_call): a call of its own, so that the stack indices are fixed. */
static int install_called(lua_State *L) {
  const struct install_call *call = lua_touserdata(L, 1);
  lua_settop(L, 0);
  push_state(L, call->data, call->size);
  install_each(L, install_lazily);
  install_hooks(L);
  install_each(L, install_at_once);
  install_owner(L);
  lua_settop(L, INSTALL_STATE);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  return 0;
}

void globals_install(lua_State *L, const void *data, size_t size) {
  struct install_call call = {data, size};
  luaL_checkstack(L, 4, "no room for globals");
  lua_pushcfunction(L, install_called);
  lua_pushlightuserdata(L, &call);
  lua_call(L, 1, 0);
}

/* ---- an installed image ---------------------------------------------------------------------- */

/* Pushes the state, or nil and returns false if no image is installed. */
static bool push_installed(lua_State *L) {
  luaL_checkstack(L, 8, "no room for globals");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  return lua_istable(L, -1);
}

void globals_load(lua_State *L) {
  if (push_installed(L)) {
    const int state = lua_gettop(L);
    look(L, state);
    load_classes(L, state);
  }
  lua_pop(L, 1);
}

void globals_load_classes(lua_State *L) {
  if (push_installed(L)) load_classes(L, lua_gettop(L));
  lua_pop(L, 1);
}

/* ---- for the tasks of a worker --------------------------------------------------------------- */

/* Nothing is pending for the name any more. [-0, +0, memory] */
static void forget_pending(lua_State *L, int name) {
  if (push_installed(L)) {
    const int state = lua_gettop(L);
    lua_pushnil(L);
    set_pending(L, state, STATE_NAMES, name);
    retire_if_empty(L, state);
  }
  lua_pop(L, 1);
}

void globals_take(lua_State *L, int name) {
  const int top = lua_gettop(L);
  if (push_installed(L)) {
    push_pending(L, top + 1, STATE_NAMES, name);
    if (lua_type(L, -1) == LUA_TNUMBER) (void)global_decode(L, top + 1, name);
    retire_if_empty(L, top + 1);
  }
  lua_settop(L, top);
  lua_pushglobaltable(L);
  lua_pushvalue(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

void globals_put(lua_State *L, int name) {
  lua_pushglobaltable(L);
  lua_pushvalue(L, name);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 2);
  forget_pending(L, name);
}

/* (state) Lets broken names raise: by a metatable of _G, or by that of the program. */
static int watch_broken(lua_State *L) {
  lua_pushglobaltable(L);
  lua_rawgeti(L, INSTALL_STATE, STATE_HOOKS);
  lua_rawgeti(L, INSTALL_STATE, STATE_WATCHED);
  if (!lua_getmetatable(L, INSTALL_STATE + 1))
    hook_globals(L);
  else if (!lua_rawequal(L, -1, -2) && !lua_rawequal(L, -1, -3))
    keep_broken(L);
  return 0;
}

void globals_break(lua_State *L, int name) {
  const int text = lua_gettop(L);
  lua_pushnil(L);
  globals_put(L, name);
  if (!push_installed(L)) {
    lua_pop(L, 1);
    push_empty_state(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  }
  lua_pushcfunction(L, watch_broken);
  lua_pushvalue(L, text + 1);
  lua_call(L, 1, 0);
  lua_pushvalue(L, text);
  set_pending(L, text + 1, STATE_NAMES, name);
  lua_settop(L, text - 1);
}

/* ---- for the encoder of a worker that starts workers ----------------------------------------- */

void globals_push_broken(lua_State *L) {
  if (!push_installed(L)) return;
  lua_rawgeti(L, -1, STATE_NAMES);
  lua_remove(L, -2);
}

void globals_push_metatable(lua_State *L) {
  const int top = lua_gettop(L);
  if (push_installed(L)) lua_rawgeti(L, -1, STATE_HOOKS);
  lua_pushglobaltable(L);
  if (!lua_getmetatable(L, -1) || lua_rawequal(L, -1, top + 2)) lua_pushnil(L);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}
