/* SPDX-License-Identifier: MIT */
/* Objects that count by identity get a number at first sight, kept in a weak table: addresses are used
 * again. */
#include "state/fingerprint.h"

#include "state/error.h"
#include "state/library_environment.h"
#include "state/names.h"
#include "state/object_map.h"
#include "state/weak_table.h"

enum { SLOT_MEMORY = 0, SLOT_WORK, SLOT_NUMBERS };
enum { SAMPLES = 64, LONG_STRING = 64, STRING_ENTRIES_MAX = 1 << 20 };

/* The ordinal of what counts by identity. */
static const uint32_t fixed = UINT32_MAX;

/* A userdata in the registry. One that is busy after an error stays so, and each finder makes its own. */
struct finder_memory {
  struct object_map objects; /* of all values that the finder looked at */
  bool is_busy;
};

static const char memory_key;
static const char work_key;    /* the list of objects to look into; empty between finders */
static const char numbers_key; /* object -> number; [0]: the last number */

static int memory_gc(lua_State *L) {
  struct finder_memory *memory = lua_touserdata(L, 1);
  object_map_fini(&memory->objects);
  return 0;
}

static struct finder_memory *push_new_memory(lua_State *L) {
  struct finder_memory *memory = lua_newuserdata(L, sizeof *memory);
  *memory = (struct finder_memory){.is_busy = false};
  object_map_init(&memory->objects);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, memory_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return memory;
}

static void keep(lua_State *L, const char *key) {
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static void push_numbers(lua_State *L) { weak_table_push_kept(L, &numbers_key, "k", 0); }

/* Pushes memory and work list: those of the VM, or new ones. */
static struct finder_memory *push_memory(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &memory_key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &work_key);
  struct finder_memory *memory = lua_touserdata(L, -2);
  if (memory && !memory->is_busy) return memory;
  lua_pop(L, 2);
  const bool is_first = memory == NULL;
  memory = push_new_memory(L);
  if (is_first) keep(L, &memory_key);
  lua_newtable(L);
  if (is_first) keep(L, &work_key);
  return memory;
}

struct finder finder_begin(lua_State *L) {
  luaL_checkstack(L, FINDER_SLOTS + 16, "no room to look at globals");
  struct finder f = {.L = L, .base = lua_gettop(L) + 1};
  push_numbers(L);
  f.memory = push_memory(L);
  lua_pushvalue(L, f.base);
  lua_remove(L, f.base);
  f.memory->is_busy = true;
  return f;
}

void finder_end(struct finder *f) {
  for (int i = 1; i <= f->work_count; i++) {
    lua_pushnil(f->L);
    lua_rawseti(f->L, f->base + SLOT_WORK, i);
  }
  object_map_clear(&f->memory->objects);
  f->memory->is_busy = false;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static inline void mix(struct finder *f, uint64_t value) {
  f->hash = ((f->hash << 5 | f->hash >> 59) ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static void mix_text(struct finder *f, const char *text, size_t size) {
  mix(f, size);
  for (; size >= 8; text += 8, size -= 8) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    mix(f, word);
  }
  uint64_t rest = 0;
  memcpy(&rest, text, size);
  mix(f, rest);
}

static void mix_number(struct finder *f, int index) {
  if (LUA_HAS_INTEGERS && lua_isinteger(f->L, index)) {
    mix(f, ~(uint64_t)lua_tointeger(f->L, index));
    return;
  }
  const lua_Number number = lua_tonumber(f->L, index);
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  mix(f, bits);
}

/* Mixes in the number of the object at `index`. */
static void mix_identity(struct finder *f, int index) {
  lua_State *L = f->L;
  const int numbers = f->base + SLOT_NUMBERS;
  lua_pushvalue(L, index);
  lua_rawget(L, numbers);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_rawgeti(L, numbers, 0);
    const lua_Number number = lua_tonumber(L, -1) + 1;
    lua_pop(L, 1);
    lua_pushnumber(L, number);
    lua_rawseti(L, numbers, 0);
    lua_pushvalue(L, index);
    lua_pushnumber(L, number);
    lua_rawset(L, numbers);
    lua_pushnumber(L, number);
  }
  mix(f, (uint64_t)lua_tonumber(L, -1));
  lua_pop(L, 1);
}

/* ---- objects --------------------------------------------------------------------------------- */

/* Enters the object in the map; its ordinal there, or 0 if it is new. */
static uint32_t claim(struct finder *f, const void *object, uint32_t ordinal) {
  uint32_t known = 0;
  if (object_map_claim(&f->memory->objects, object, ordinal, f->since, &known)) error_raise_memory(f->L);
  return known;
}

/* Enters the tables that count by identity. */
static void learn_fixed(struct finder *f) {
  lua_State *L = f->L;
  f->knows_fixed = true;
  lua_pushglobaltable(L);
  (void)claim(f, lua_topointer(L, -1), fixed);
  library_environment_push_made(L);
  if (lua_istable(L, -1)) (void)claim(f, lua_topointer(L, -1), fixed);
  lua_pop(L, 1);
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) (void)claim(f, lua_topointer(L, -1), fixed);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

static void collect(struct finder *f, int index) {
  if (!f->functions) return;
  lua_pushvalue(f->L, index);
  lua_rawseti(f->L, f->functions, ++f->function_count);
}

/* The module, and its functions. */
static void collect_from_module(struct finder *f, int module) {
  lua_State *L = f->L;
  lua_pushglobaltable(L);
  const bool is_globals = lua_rawequal(L, -1, module);
  lua_pop(L, 1);
  if (!f->functions || is_globals) return;
  if (f->modules) {
    lua_pushvalue(L, module);
    lua_rawseti(L, f->modules, ++f->module_count);
  }
  lua_pushnil(L);
  while (lua_next(L, module)) {
    if (lua_isfunction(L, -1) && !names_have(L, -1)) collect(f, lua_gettop(L));
    lua_pop(L, 1);
  }
}

/* Adds the object to those that will be looked into, if it is new for this value. */
static void note_object(struct finder *f, int index) {
  lua_State *L = f->L;
  if (!f->knows_fixed) learn_fixed(f);
  const uint32_t known = claim(f, lua_topointer(L, index), f->last + 1);
  if (known == fixed) {
    mix_identity(f, index);
    collect_from_module(f, index);
    return;
  }
  if (known) {
    mix(f, known - f->since);
    return;
  }
  f->last++;
  lua_pushvalue(L, index);
  lua_rawseti(L, f->base + SLOT_WORK, ++f->work_count);
}

static bool is_globals(lua_State *L, int index) {
  lua_pushglobaltable(L);
  const bool is_it = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is_it;
}

/* Whether the function has no upvalue and no environment but the table of globals. */
static bool is_bare(lua_State *L, int function) {
  const int top = lua_gettop(L);
  bool is_it = true;
  if (lua_pushenvironment(L, function)) is_it = is_globals(L, top + 1);
  lua_settop(L, top);
  const char *name = lua_getupvalue(L, function, 1);
  if (name) is_it = strcmp(name, "_ENV") == 0 && is_globals(L, top + 1) && !lua_getupvalue(L, function, 2);
  lua_settop(L, top);
  return is_it;
}

static void note_function(struct finder *f, int index) {
  mix_identity(f, index);
  if (names_have(f->L, index)) return;
  if (is_bare(f->L, index))
    collect(f, index);
  else
    note_object(f, index);
}

/* Mixes in the value at absolute index `index`. */
static void note(struct finder *f, int index) {
  lua_State *L = f->L;
  const int type = lua_type(L, index);
  size_t size = 0;
  mix(f, (uint64_t)type + 1);
  switch (type) {
    case LUA_TNIL: return;
    case LUA_TBOOLEAN: mix(f, (uint64_t)lua_toboolean(L, index)); return;
    case LUA_TNUMBER: mix_number(f, index); return;
    case LUA_TLIGHTUSERDATA: mix(f, (uint64_t)(uintptr_t)lua_touserdata(L, index)); return;
    case LUA_TSTRING: {
      const char *text = lua_tolstring(L, index, &size);
      mix_text(f, text, size);
      f->entries_left -= size < STRING_ENTRIES_MAX ? (int)size / LONG_STRING : STRING_ENTRIES_MAX;
      return;
    }
    case LUA_TFUNCTION: note_function(f, index); return;
    case LUA_TTABLE: note_object(f, index); return;
    default: mix_identity(f, index);
  }
}

/* ---- looking into objects -------------------------------------------------------------------- */

/* The global name below which a metatable is known belongs to the code, too. */
static void collect_name(struct finder *f, int metatable) {
  lua_State *L = f->L;
  if (!f->functions || names_find_registered(L, metatable)) {
    lua_settop(L, metatable);
    return;
  }
  const enum names_effort effort = f->has_indexed_names ? NAMES_INDEXED : NAMES_REBUILT;
  f->has_indexed_names = true;
  if (names_find(L, metatable, effort) && strcmp(lua_tostring(L, -2), "_G") == 0) {
    const char *path = lua_tostring(L, -1);
    lua_pushlstring(L, path, strcspn(path, "."));
    lua_rawseti(L, f->functions, ++f->function_count);
  }
  lua_settop(L, metatable);
}

/* Entries of a table that is too large to look at all. */
static void sample(struct finder *f, int table) {
  const size_t length = lua_rawlen(f->L, table);
  for (size_t i = 0; i < SAMPLES && length > SAMPLES; i++) {
    lua_rawgeti(f->L, table, (int)(length - i * (length / SAMPLES)));
    note(f, lua_gettop(f->L));
    lua_pop(f->L, 1);
  }
}

static void look_into_table(struct finder *f, int table) {
  lua_State *L = f->L;
  mix(f, lua_rawlen(L, table));
  if (lua_getmetatable(L, table)) {
    note(f, table + 1);
    collect_name(f, table + 1);
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  while (f->entries_left > 0 && lua_next(L, table)) {
    f->entries_left--;
    note(f, table + 1);
    note(f, table + 2);
    lua_pop(L, 1);
  }
  if (f->entries_left <= 0) sample(f, table);
  lua_settop(L, table);
}

static void look_into_function(struct finder *f, int function) {
  lua_State *L = f->L;
  collect(f, function);
  if (lua_pushenvironment(L, function)) note(f, function + 1);
  lua_settop(L, function);
  for (int i = 1; lua_getupvalue(L, function, i); i++) {
    f->entries_left--;
    note(f, function + 1);
    lua_settop(L, function);
  }
}

lua_Number finder_print(struct finder *f, int entries) {
  lua_State *L = f->L;
  if (lua_isnil(L, -1)) return FINGERPRINT_NIL;
  f->hash = 0;
  f->since = f->last + 1;
  f->entries_left = entries;
  note(f, lua_gettop(L));
  while (f->work_done < f->work_count && f->entries_left > 0) {
    lua_rawgeti(L, f->base + SLOT_WORK, ++f->work_done);
    if (lua_istable(L, -1))
      look_into_table(f, lua_gettop(L));
    else
      look_into_function(f, lua_gettop(L));
    lua_pop(L, 1);
  }
  f->work_done = f->work_count;
  return (lua_Number)(f->hash >> 11 | 1);
}
