/* SPDX-License-Identifier: MIT */
#include "locks/held_locks.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "shared/rwlock.h"
#include "state/raise.h"

struct entry {
  struct synchronizer *s;
  uint64_t thread;
  uint64_t count;
};

struct held_locks {
  struct held_locks_first first; /* see held_locks_waits */
  struct entry *entries;         /* in the order in which they came */
  size_t count;
  size_t capacity;
  uint32_t epoch; /* of the process that holds them; another one after a fork */
  uint32_t slot;
  bool has_died;
};

static const char registry_key = 'h'; /* its address is the key; never written */

/* ---- the list -------------------------------------------------------------------------------- */

static void remove_entry(struct held_locks *h, size_t at) {
  h->count--;
  memmove(h->entries + at, h->entries + at + 1, (h->count - at) * sizeof *h->entries);
}

struct held_locks *held_locks_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
  struct held_locks *h = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return h;
}

static bool is_copy(const struct held_locks *h) {
  return h->epoch != segment_epoch() || h->slot != segment_slot();
}

/* What is in a copy was taken by the parent, whose threads wait. */
static void empty_copy(struct held_locks *h) {
  if (!is_copy(h)) return;
  h->epoch = segment_epoch();
  h->slot = segment_slot();
  h->first.waits = NULL;
  while (h->count) remove_entry(h, h->count - 1);
}

/* The entry of that thread, or with `any` of whatever thread; the count: there is none. */
static size_t find(const struct held_locks *h, const struct synchronizer *s, uint64_t thread, bool any) {
  size_t at = 0;
  while (at < h->count && (h->entries[at].s != s || (!any && h->entries[at].thread != thread))) at++;
  return at;
}

static status make_room(struct held_locks *h) {
  if (h->count < h->capacity) return STATUS_OK;
  const size_t capacity = h->capacity ? 2 * h->capacity : 16;
  struct entry *entries = memory_resize(h->entries, capacity * sizeof *entries);
  if (!entries) return -ENOMEM;
  h->entries = entries;
  h->capacity = capacity;
  return STATUS_OK;
}

status held_locks_add(struct held_locks *h, struct synchronizer *s, struct execution_context who,
                      uint64_t count) {
  empty_copy(h);
  const size_t at = find(h, s, who.thread, false);
  if (at == h->count) {
    const status st = make_room(h);
    if (st) return st;
    h->entries[h->count++] = (struct entry){.s = s, .thread = who.thread};
  }
  h->entries[at].count += count;
  return STATUS_OK;
}

void held_locks_drop(struct held_locks *h, const struct synchronizer *s, struct execution_context who,
                     uint64_t count) {
  empty_copy(h);
  size_t at = find(h, s, who.thread, false);
  if (at == h->count) at = find(h, s, 0, true);
  if (at == h->count) return;
  if (h->entries[at].count > count)
    h->entries[at].count -= count;
  else
    remove_entry(h, at);
}

uint64_t held_locks_count(struct held_locks *h, const struct synchronizer *s, struct execution_context who) {
  empty_copy(h);
  const size_t at = find(h, s, who.thread, false);
  return at < h->count ? h->entries[at].count : 0;
}

struct lock_wait **held_locks_waits(struct held_locks *h) {
  empty_copy(h);
  return &h->first.waits;
}

void held_locks_shares(struct held_locks *h, struct execution_context who, object_ref *out, size_t count) {
  size_t found = 0;
  empty_copy(h);
  for (size_t at = 0; at < h->count && found < count; at++) {
    const struct entry *e = &h->entries[at];
    if (e->thread != who.thread || synchronizer_holding(e->s) != HOLD_SHARED) continue;
    if (!rwlock_is_writer(e->s, who)) out[found++] = segment_object_ref(&e->s->object);
  }
  while (found < count) out[found++] = 0;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void end_entry(const struct held_locks *h, const struct entry *e, bool has_died) {
  const struct execution_context who = {h->slot, e->thread};
  synchronizer_kind(e->s)->rules->end(e->s, who, e->count, has_died);
}

static void end_at(struct held_locks *h, size_t at, bool has_died) {
  end_entry(h, &h->entries[at], has_died);
  remove_entry(h, at);
}

void held_locks_forget(struct held_locks *h, const struct synchronizer *s) {
  empty_copy(h);
  for (size_t at = find(h, s, 0, true); at < h->count; at = find(h, s, 0, true)) end_at(h, at, h->has_died);
}

size_t held_locks_mark(struct held_locks *h) {
  empty_copy(h);
  return h->count;
}

void held_locks_end_since(struct held_locks *h, size_t mark, bool has_died) {
  empty_copy(h);
  while (h->count > mark) end_at(h, h->count - 1, has_died);
}

void held_locks_end_agent(struct held_locks *h, uint64_t thread, bool has_died) {
  empty_copy(h);
  for (size_t at = h->count; at > 0; at--)
    if (h->entries[at - 1].thread == thread) end_at(h, at - 1, has_died);
}

void held_locks_end(struct held_locks *h, bool has_died) {
  h->has_died = has_died;
  held_locks_end_since(h, 0, has_died);
}

bool held_locks_has_died(const struct held_locks *h) { return h->has_died; }

static int held_gc(lua_State *L) {
  struct held_locks *h = lua_touserdata(L, 1);
  held_locks_end_since(h, 0, h->has_died);
  memory_free(h->entries);
  *h = (struct held_locks){.epoch = h->epoch, .slot = h->slot};
  return 0;
}

void held_locks_open(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
  const bool is_open = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_open) return;
  struct held_locks *h = lua_newuserdata(L, sizeof *h);
  *h = (struct held_locks){.epoch = segment_epoch(), .slot = segment_slot()};
  lua_newtable(L);
  lua_pushcfunction(L, held_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
}

/* ---- for Lua --------------------------------------------------------------------------------- */

int held_locks_mark_call(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)held_locks_mark(held_locks_of(L)));
  return 1;
}

int held_locks_end_since_call(lua_State *L) {
  held_locks_end_since(held_locks_of(L), (size_t)luaL_checknumber(L, 1), lua_toboolean(L, 2));
  return 0;
}
