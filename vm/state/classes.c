/* SPDX-License-Identifier: MIT */
#include "state/classes.h"

#include <stdint.h>
#include <string.h>

#include "os/crypto.h"
#include "os/process.h"
#include "state/library.h"
#include "state/names.h"
#include "state/private_names.h"
#include "state/vm.h"
#include "state/weak_table.h"

enum {
  KEPT_MAX = 1024,
  FIELDS_MAX = 10000,  /* a larger table is data */
  PROTOTYPE_MAX = 100, /* fields among which a class has its prototype */
  ANCESTORS_MAX = 32,
  WALK_MAX = 20000, /* objects that a walk looks at, the nearest first: 10 ms */
};

static const char records_key = 'r'; /* their addresses are the keys; never written */
static const char by_id_key = 'i';
static const char kept_key = 'k';
static const char maker_key = 'm';

/* ---- tables of the registry ------------------------------------------------------------------ */

static void push_weak(lua_State *L, const void *key, const char *mode) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  if (mode) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

bool class_is_known(lua_State *L, int index) {
  const int table = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key);
  bool is_known = false;
  if (lua_istable(L, -1)) {
    lua_pushvalue(L, table);
    lua_rawget(L, -2);
    is_known = !lua_isnil(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return is_known;
}

bool class_note(lua_State *L, int index) {
  if (class_is_known(L, index)) return false;
  class_push_record(L, index);
  lua_pop(L, 1);
  return true;
}

void class_push_record(lua_State *L, int index) {
  luaL_checkstack(L, 8, "no room for a class");
  const int table = lua_absindex(L, index);
  struct vm *vm = vm_of(L);
  if (vm) vm->has_classes = true;
  push_weak(L, &records_key, "k");
  lua_pushvalue(L, table);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_createtable(L, CLASS_IMPORTS, 0);
    lua_pushvalue(L, table);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
  }
  lua_remove(L, -2);
}

/* ---- what a class looks like ----------------------------------------------------------------- */

static bool is_name_of_metamethod(const char *name) {
  static const char *const names[] = {
      "index",  "newindex", "call", "tostring", "gc",  "close", "len",    "eq",      "lt",        "le",
      "concat", "unm",      "add",  "sub",      "mul", "div",   "idiv",   "mod",     "pow",       "band",
      "bor",    "bxor",     "bnot", "shl",      "shr", "pairs", "ipairs", "mm_send", "mm_receive"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name + 2, names[i]) == 0) return true;
  return false;
}

bool class_is_metamethod(lua_State *L, int key) {
  if (lua_type(L, key) != LUA_TSTRING) return false;
  const char *name = lua_tostring(L, key);
  if (name[0] != '_' || name[1] != '_') return false;
  const int value = lua_type(L, key + 1);
  if (value != LUA_TFUNCTION && value != LUA_TTABLE) return false;
  return is_name_of_metamethod(name);
}

bool class_has_metamethods(lua_State *L, int index) {
  luaL_checkstack(L, 4, "no room to look at a table");
  const int table = lua_absindex(L, index);
  const int key = lua_gettop(L) + 1;
  bool has = false;
  lua_pushnil(L);
  for (int i = 0; i < FIELDS_MAX && !has && lua_next(L, table); i++) {
    has = class_is_metamethod(L, key);
    lua_settop(L, key);
  }
  lua_settop(L, key - 1);
  return has;
}

/* Whether the value on top of the stack is a table with a field `__index`. */
static bool is_prototype(lua_State *L) {
  if (!lua_istable(L, -1)) return false;
  lua_pushliteral(L, "__index");
  lua_rawget(L, -2);
  const bool is_it = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_it;
}

static bool has_prototype(lua_State *L, int table) {
  const int key = lua_gettop(L) + 1;
  bool has = false;
  lua_pushnil(L);
  for (int i = 0; i < PROTOTYPE_MAX && !has && lua_next(L, table); i++) {
    has = lua_type(L, key) == LUA_TSTRING && is_prototype(L);
    lua_settop(L, key);
  }
  lua_settop(L, key - 1);
  return has;
}

static bool has_method(lua_State *L, int table) {
  const int key = lua_gettop(L) + 1;
  bool has = false;
  lua_pushnil(L);
  for (int i = 0; i < PROTOTYPE_MAX && !has && lua_next(L, table); i++) {
    has = lua_isfunction(L, key + 1) && lua_type(L, key) == LUA_TSTRING;
    lua_settop(L, key);
  }
  lua_settop(L, key - 1);
  return has;
}

/* From where a table inherits. A metatable that is made for objects has the methods itself. */
enum inheritance { INHERITS_NOTHING, INHERITS_AS_OBJECT, INHERITS_APART };

static enum inheritance inheritance_of(lua_State *L, int table) {
  const int top = lua_gettop(L);
  enum inheritance from = INHERITS_NOTHING;
  if (lua_getmetatable(L, table)) {
    lua_pushliteral(L, "__index");
    lua_rawget(L, top + 1);
    if (!lua_isnil(L, top + 2))
      from = lua_rawequal(L, top + 1, top + 2) ? INHERITS_AS_OBJECT : INHERITS_APART;
  }
  lua_settop(L, top);
  return from;
}

bool class_looks_like_one(lua_State *L, int index) {
  luaL_checkstack(L, 4, "no room to look at a table");
  const int table = lua_absindex(L, index);
  const enum inheritance from = inheritance_of(L, table);
  if (from == INHERITS_AS_OBJECT) return false;
  return has_prototype(L, table) || (from == INHERITS_APART && has_method(L, table));
}

void class_push_inherited(lua_State *L, int index, const char *name) {
  luaL_checkstack(L, 6, "no room to look at a class");
  const int base = lua_gettop(L);
  lua_pushvalue(L, index);
  for (int i = 0; i < ANCESTORS_MAX; i++) {
    lua_pushstring(L, name);
    lua_rawget(L, base + 1);
    if (!lua_isnil(L, -1)) break;
    lua_pop(L, 1);
    if (!lua_getmetatable(L, base + 1)) break;
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    if (!lua_istable(L, -1)) break;
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
  }
  if (lua_gettop(L) != base + 2 || lua_isnil(L, -1)) {
    lua_settop(L, base);
    lua_pushnil(L);
    return;
  }
  lua_replace(L, base + 1);
}

/* ---- ids ------------------------------------------------------------------------------------- */

struct maker {
  uint8_t id[CLASS_ID_SIZE - sizeof(uint64_t)];
  uint64_t count;
  int32_t pid; /* a forked child is another maker */
};

static struct maker *maker_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &maker_key);
  struct maker *m = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return m && m->pid == process_pid() ? m : NULL;
}

static struct maker *maker_made(lua_State *L) {
  struct maker *m = maker_of(L);
  if (m) return m;
  m = lua_newuserdata(L, sizeof *m);
  *m = (struct maker){.pid = process_pid()};
  if (crypto_random(m->id, sizeof m->id)) luaL_error(L, "no random bytes");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &maker_key);
  return m;
}

static void push_new_id(lua_State *L) {
  struct maker *m = maker_made(L);
  uint8_t id[CLASS_ID_SIZE];
  const uint64_t number = ++m->count;
  memcpy(id, m->id, sizeof m->id);
  memcpy(id + sizeof m->id, &number, sizeof number);
  lua_pushlstring(L, (const char *)id, sizeof id);
}

/* Whether this VM is the maker of the class with the record. */
static bool is_own(lua_State *L, int record) {
  const struct maker *m = maker_of(L);
  lua_rawgeti(L, record, CLASS_ID);
  const char *id = lua_tostring(L, -1);
  const bool is_it = m && id && memcmp(id, m->id, sizeof m->id) == 0;
  lua_pop(L, 1);
  return is_it;
}

void class_find(lua_State *L) {
  luaL_checkstack(L, 4, "no room for a class");
  lua_rawgetp(L, LUA_REGISTRYINDEX, &by_id_key);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 2);
    lua_pushnil(L);
    return;
  }
  lua_insert(L, -2);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

/* Enters the class under the id on top of the stack. [-1, +0, memory] */
static void enter_id(lua_State *L, int class) {
  push_weak(L, &by_id_key, "v");
  lua_insert(L, -2);
  lua_pushvalue(L, class);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void class_enter(lua_State *L, int class, int id) {
  class_push_record(L, class);
  lua_rawgeti(L, -1, CLASS_ID);
  const bool has_id = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (!has_id) {
    lua_pushvalue(L, id);
    lua_rawseti(L, -2, CLASS_ID);
  }
  lua_pop(L, 1);
  lua_pushvalue(L, id);
  enter_id(L, class);
}

bool class_may_be(lua_State *L, int class, int id) {
  class_push_record(L, class);
  lua_rawgeti(L, -1, CLASS_ID);
  const char *own = lua_tostring(L, -1);
  const bool may_be = !own || memcmp(own, lua_tostring(L, id), CLASS_ID_SIZE - sizeof(uint64_t)) != 0;
  lua_pop(L, 2);
  return may_be;
}

void class_enter_alias(lua_State *L, int class, int id) {
  class_enter(L, class, id);
  class_push_record(L, class);
  lua_pushboolean(L, 1);
  lua_rawseti(L, -2, CLASS_ALIAS);
  lua_rawgeti(L, -1, CLASS_VERSION);
  if (lua_isnil(L, -1)) {
    lua_pushnumber(L, 0);
    lua_rawseti(L, -3, CLASS_VERSION);
  }
  lua_pop(L, 2);
}

/* Pushes the name of the global that is the class: the index of names may be older than the global. False, and nothing
 * pushed: there is none. */
static bool find_global_name(lua_State *L, int class) {
  const int top = lua_gettop(L);
  bool is_it = false;
  lua_pushglobaltable(L);
  lua_pushnil(L);
  for (int i = 0; i < FIELDS_MAX && !is_it && lua_next(L, top + 1); i++) {
    is_it = lua_type(L, top + 2) == LUA_TSTRING && lua_rawequal(L, top + 3, class);
    lua_settop(L, top + 2);
  }
  if (is_it) lua_replace(L, top + 1);
  lua_settop(L, is_it ? top + 1 : top);
  return is_it;
}

bool class_find_path(lua_State *L, int class, int record) {
  luaL_checkstack(L, 8, "no room for a class");
  if (!names_find(L, class, NAMES_REFRESHED)) {
    if (!find_global_name(L, class) && !private_name_find(L, class)) lua_pushnil(L);
    lua_rawseti(L, record, CLASS_HINT);
    return false;
  }
  if (strcmp(lua_tostring(L, -2), "_G") != 0) return true;
  lua_rawseti(L, record, CLASS_HINT);
  lua_pop(L, 1);
  return false;
}

void class_give_id(lua_State *L, int class, int record) {
  luaL_checkstack(L, 8, "no room for a class");
  push_new_id(L);
  lua_pushvalue(L, -1);
  lua_rawseti(L, record, CLASS_ID);
  enter_id(L, class);
  lua_pushnumber(L, 0);
  lua_rawseti(L, record, CLASS_VERSION);
  class_push_mark(L, class); /* with an image, or a fork, the fields go as they are now */
  lua_rawseti(L, record, CLASS_MARK);
}

void class_keep(lua_State *L, int class) {
  push_weak(L, &kept_key, NULL);
  lua_rawgeti(L, -1, 0);
  const int place = (int)lua_tonumber(L, -1) % KEPT_MAX + 1;
  lua_pop(L, 1);
  lua_pushnumber(L, place);
  lua_rawseti(L, -2, 0);
  lua_pushvalue(L, class);
  lua_rawseti(L, -2, place);
  lua_pop(L, 1);
}

/* ---- changes --------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t bits) {
  bits ^= bits >> 31;
  bits *= UINT64_C(0x9e3779b97f4a7c15);
  return bits ^ bits >> 29;
}

/* Of the value at an index: what it is, or which object. */
static uint64_t mark_of(lua_State *L, int index) {
  uint64_t bits = 0;
  switch (lua_type(L, index)) {
    case LUA_TNUMBER: {
      const lua_Number number = lua_tonumber(L, index);
      memcpy(&bits, &number, sizeof bits);
      return mixed(bits);
    }
    case LUA_TBOOLEAN: return lua_toboolean(L, index) ? 3 : 5;
    case LUA_TSTRING: return mixed((uintptr_t)lua_tostring(L, index));
    default: return mixed((uintptr_t)lua_topointer(L, index));
  }
}

void class_push_mark(lua_State *L, int class) {
  luaL_checkstack(L, 4, "no room to look at a class");
  const int key = lua_gettop(L) + 1;
  uint64_t sum = 0;
  if (lua_getmetatable(L, class)) {
    sum = mark_of(L, key);
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  while (lua_next(L, class)) {
    sum += mixed(mark_of(L, key) * 3 + mark_of(L, key + 1));
    lua_settop(L, key);
  }
  lua_pushnumber(L, (lua_Number)(sum >> 12)); /* a double holds it exactly */
}

void class_review(lua_State *L, int class, int record) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 4, "no room to look at a class");
  if (class_is_registry(L, record)) return; /* its entries come and go with their keys */
  lua_rawgeti(L, record, CLASS_MARK);
  lua_rawgeti(L, record, CLASS_ALIAS);
  if (!lua_isnil(L, top + 1) && lua_isnil(L, top + 2) && is_own(L, record)) {
    class_push_mark(L, class);
    if (!lua_rawequal(L, -1, top + 1)) {
      lua_rawgeti(L, record, CLASS_VERSION);
      lua_pushnumber(L, lua_tonumber(L, -1) + 1);
      lua_rawseti(L, record, CLASS_VERSION);
      lua_pushnil(L);
      lua_rawseti(L, record, CLASS_BODY);
    }
  }
  lua_settop(L, top);
}

/* ---- closures -------------------------------------------------------------------------------- */

/* Whether the class on top of the stack is as it was when its mark, at -n in the closure, was kept. */
static bool is_as_kept(lua_State *L, int closure, int n) {
  const int class = lua_gettop(L);
  if (!lua_istable(L, class)) return false;
  lua_rawgeti(L, closure, -n);
  if (lua_type(L, -1) != LUA_TNUMBER) return true; /* its maker alone changes it */
  class_push_mark(L, class);
  return lua_rawequal(L, -1, -2);
}

bool class_closure_is_valid(lua_State *L, int record) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room to look at classes");
  lua_rawgeti(L, record, CLASS_CLOSURE);
  lua_rawgeti(L, record, CLASS_COUNT);
  bool is_valid = lua_istable(L, top + 1);
  const int count = (int)lua_tonumber(L, top + 2);
  for (int n = 1; n <= count && is_valid; n++) {
    lua_rawgeti(L, top + 1, n);
    is_valid = is_as_kept(L, top + 1, n);
    lua_settop(L, top + 2);
  }
  lua_settop(L, top);
  return is_valid;
}

/* Pushes the mark of the class with the record on top of the stack if this VM is its maker, or false. */
static void push_kept_mark(lua_State *L) {
  if (is_own(L, lua_gettop(L)))
    lua_rawgeti(L, -1, CLASS_MARK);
  else
    lua_pushboolean(L, 0);
}

void class_keep_closure(lua_State *L, int record, int list, int count) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room for classes");
  weak_table_push(L, "kv", 0);
  for (int n = 1; n <= count; n++) {
    lua_rawgeti(L, list, n);
    lua_pushvalue(L, -1);
    lua_rawseti(L, top + 1, n);
    lua_pushvalue(L, -1);
    lua_pushnumber(L, n);
    lua_rawset(L, top + 1);
    class_push_record(L, top + 2);
    push_kept_mark(L);
    lua_rawseti(L, top + 1, -n);
    lua_settop(L, top + 1);
  }
  lua_rawseti(L, record, CLASS_CLOSURE);
  lua_pushnumber(L, count);
  lua_rawseti(L, record, CLASS_COUNT);
}

/* ---- registries ------------------------------------------------------------------------------ */

bool class_has_weak_keys(lua_State *L, int index) {
  const int metatable = lua_absindex(L, index);
  lua_pushliteral(L, "__mode");
  lua_rawget(L, metatable);
  const char *mode = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  const bool has = strchr(mode, 'k') != NULL;
  lua_pop(L, 1);
  return has;
}

void class_be_registry(lua_State *L, int record) {
  lua_pushboolean(L, 1);
  lua_rawseti(L, record, CLASS_IS_REGISTRY);
  struct vm *vm = vm_of(L);
  if (vm) vm->has_registries = true;
}

bool class_is_registry(lua_State *L, int record) {
  lua_rawgeti(L, record, CLASS_IS_REGISTRY);
  const bool is_one = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_one;
}

/* Appends the classes that the record's body imports to the list `queue`, if the set `seen` does not have them. */
static int queue_imports(lua_State *L, int record, int queue, int seen, int count) {
  const int top = lua_gettop(L);
  lua_rawgeti(L, record, CLASS_IMPORTS);
  lua_pushnil(L);
  while (lua_istable(L, top + 1) && lua_next(L, top + 1)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawget(L, seen);
    const bool is_new = lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!is_new) continue;
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, seen);
    lua_pushvalue(L, -1);
    class_find(L);
    if (lua_istable(L, -1))
      lua_rawseti(L, queue, ++count);
    else
      lua_pop(L, 1);
  }
  lua_settop(L, top);
  return count;
}

bool class_find_registries(lua_State *L, int class, int record) {
  const int top = lua_gettop(L), queue = top + 1, seen = top + 2, found = top + 3;
  int found_count = 0;
  luaL_checkstack(L, 16, "no room for classes");
  lua_newtable(L);
  lua_newtable(L);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, found);
  lua_pushvalue(L, class);
  lua_rawseti(L, queue, 1);
  for (int i = 1, count = 1; i <= count; i++) {
    lua_rawgeti(L, queue, i);
    class_push_record(L, found + 1);
    count = queue_imports(L, found + 2, queue, seen, count);
    if (class_is_registry(L, found + 2)) {
      lua_pushvalue(L, found + 1);
      lua_rawseti(L, found, ++found_count);
    }
    lua_settop(L, found);
  }
  lua_rawseti(L, record, CLASS_REGISTRIES);
  lua_settop(L, top);
  return found_count > 0;
}

/* ---- before a fork --------------------------------------------------------------------------- */

struct walk {
  lua_State *L;
  int seen;  /* stack index of the set of objects */
  int queue; /* stack index of the list of objects to look at */
  int count;
};

/* Adds the value on top of the stack, and pops it. */
static void walk_add(struct walk *w) {
  lua_State *L = w->L;
  const int type = lua_type(L, -1);
  const bool is_code = type == LUA_TFUNCTION && !names_have(L, -1);
  if ((type != LUA_TTABLE && !is_code) || w->count >= WALK_MAX) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, -1);
  lua_rawget(L, w->seen);
  const bool is_new = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_new) {
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, w->seen);
    lua_pushvalue(L, -1);
    lua_rawseti(L, w->queue, ++w->count);
  }
  lua_pop(L, 1);
}

/* Gives the class at an index an id if it has neither one nor a name. */
static void walk_class(lua_State *L, int class) {
  const int top = lua_gettop(L);
  if (names_find_registered(L, class) || names_find_module(L, class)) {
    lua_settop(L, top);
    return;
  }
  class_push_record(L, class);
  lua_rawgeti(L, top + 1, CLASS_ID);
  if (lua_isnil(L, -1) && !class_find_path(L, class, top + 1)) class_give_id(L, class, top + 1);
  lua_settop(L, top);
}

static void walk_registry(lua_State *L, int table) {
  class_push_record(L, table);
  class_be_registry(L, lua_gettop(L));
  lua_pop(L, 1);
  walk_class(L, table);
}

/* Whether objects with the metatable on top of the stack are sent in no way. */
static bool is_of_unsendables(lua_State *L) {
  lua_pushliteral(L, "__mm_send");
  lua_rawget(L, -2);
  const bool is_it = lua_isboolean(L, -1);
  lua_pop(L, 1);
  return is_it;
}

/* Whether objects with the metatable on top of the stack can be called. */
static bool is_of_callables(lua_State *L) {
  lua_pushliteral(L, "__call");
  lua_rawget(L, -2);
  const bool is_it = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_it;
}

static void walk_table(struct walk *w, int table) {
  lua_State *L = w->L;
  bool is_class = false;
  if (lua_getmetatable(L, table)) {
    if (is_of_unsendables(L)) return;
    is_class = is_of_callables(L) && class_looks_like_one(L, table);
    if (class_has_weak_keys(L, lua_gettop(L))) walk_registry(L, table);
    walk_class(L, lua_gettop(L));
    walk_add(w);
  }
  lua_pushnil(L);
  for (int i = 0; i < FIELDS_MAX && lua_next(L, table); i++) {
    is_class = is_class || class_is_metamethod(L, table + 1);
    walk_add(w);
    lua_pushvalue(L, -1);
    walk_add(w);
  }
  if (is_class) walk_class(L, table);
}

static void walk_function(struct walk *w, int function) {
  luaL_checkstack(w->L, 4, "no room to look for classes");
  if (lua_pushenvironment(w->L, function)) walk_add(w);
  for (int n = 1; lua_getupvalue(w->L, function, n); n++) walk_add(w);
}

/* All but those of this library. */
static void walk_add_modules(struct walk *w) {
  lua_State *L = w->L;
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const bool is_own = lua_type(L, -2) == LUA_TSTRING &&
                        strncmp(lua_tostring(L, -2), VM_LIBRARY_KEY, strlen(VM_LIBRARY_KEY)) == 0;
    if (!is_own) {
      walk_add(w);
      continue;
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, w->seen);
  }
  lua_pop(L, 1);
}

void classes_before_fork(lua_State *L, int first) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 16, "no room to look for classes");
  lua_newtable(L);
  lua_newtable(L);
  struct walk w = {.L = L, .seen = top + 1, .queue = top + 2};
  for (int i = first; i <= top; i++) {
    lua_pushvalue(L, i);
    walk_add(&w);
  }
  lua_pushglobaltable(L);
  walk_add(&w);
  walk_add_modules(&w);
  for (int i = 1; i <= w.count; i++) {
    lua_rawgeti(L, w.queue, i);
    if (lua_istable(L, -1))
      walk_table(&w, top + 3);
    else
      walk_function(&w, top + 3);
    lua_settop(L, top + 2);
  }
  lua_settop(L, top);
}
