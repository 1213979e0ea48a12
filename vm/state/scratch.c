/* SPDX-License-Identifier: MIT */
/* Its making, its end, and the registration of handle types, which lives here because the types do. */
#include "state/scratch.h"

#include "wire/format.h"
#include "wire/reader.h"

enum { KEPT_MAX = 1 << 20 };

static const char scratch_key;
static const char second_scratch_key;

static int scratch_gc(lua_State *L) {
  struct scratch *s = lua_touserdata(L, 1);
  bytes_fini(&s->out);
  bytes_fini(&s->handles);
  bytes_fini(&s->deferred);
  object_map_fini(&s->map);
  return 0;
}

/* Pushes a new scratch and puts it under `key` of the registry, in place of an older one. */
static struct scratch *scratch_make(lua_State *L, const void *key) {
  struct scratch *s = lua_newuserdata(L, sizeof *s);
  memset(s, 0, sizeof *s);
  object_map_init(&s->map);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, scratch_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
  return s;
}

struct scratch *scratch_peek(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
  struct scratch *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return s;
}

struct scratch *scratch_of(lua_State *L) {
  struct scratch *s = scratch_peek(L);
  if (s) return s;
  s = scratch_make(L, &scratch_key);
  lua_pop(L, 1);
  s->types = &s->own_types;
  return s;
}

struct scratch *scratch_idle(lua_State *L) {
  struct scratch *first = scratch_of(L);
  if (!first->is_busy) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &scratch_key);
    return first;
  }
  struct scratch *s = scratch_make(L, &second_scratch_key);
  s->types = first->types;
  return s;
}

void scratch_clear(struct scratch *s) {
  const bool was_small = s->out.len <= KEPT_MAX;
  block_bytes_end(&s->out);
  bytes_clear(&s->handles);
  bytes_clear(&s->deferred);
  if (was_small) bytes_trim(&s->out, KEPT_MAX);
  if (was_small) bytes_trim(&s->deferred, KEPT_MAX);
  object_map_clear(&s->map);
  key_list_begin(&s->keys);
}

void scratch_drop_handles(struct scratch *s, size_t start) {
  for (size_t at = start; at < s->handles.len; at += WIRE_HANDLE_SIZE) {
    const uint8_t *entry = s->handles.data + at;
    s->types->by_id[entry[0]]->drop(load_u64(entry + 1));
  }
  s->handles.len = start;
}

int handle_id(const struct handle_types *types, const struct handle_type *type) {
  for (int id = 1; id <= types->last_id; id++)
    if (types->by_id[id] == type) return id;
  return 0;
}

void handle_register(lua_State *L, int id, const struct handle_type *type) {
  luaL_argcheck(L, id >= 1 && id <= HANDLE_TYPE_MAX, 2, "no such handle id");
  struct handle_types *types = scratch_of(L)->types;
  luaL_argcheck(L, !types->by_id[id] || types->by_id[id] == type, 2, "another type has this handle id");
  types->by_id[id] = type;
  if (id > types->last_id) types->last_id = id;
}
