/* SPDX-License-Identifier: MIT */
/* The program's segment is found among its descriptors and mapped read-only. No lock is taken,
 * so the figures may be of different moments, and each block and name is checked before it is
 * used. */
#include "cli/inspect.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/status.h"
#include "os/clock.h"
#include "os/mapping.h"
#include "process/worker_status.h"
#include "shared/ring.h"
#include "shared/synchronizer.h"

static void set_number(lua_State *L, const char *name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void append(lua_State *L, int list) { lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1); }

/* ---- the view -------------------------------------------------------------------------------- */

static void push_worker(lua_State *L, const struct worker_status *worker_status) {
  static const char *const phases[] = {"starting", "running", "ended"};
  char name[WORKER_STATUS_NAME_MAX + 1] = {0};
  const uint32_t phase = atomic_load(&worker_status->phase);
  const int64_t begun = atomic_load(&worker_status->begun_ns);
  const int64_t ready = atomic_load(&worker_status->ready_ns);
  const int64_t now = clock_now_ns();
  memcpy(name, worker_status->name, WORKER_STATUS_NAME_MAX);
  lua_newtable(L);
  set_text(L, "name", name);
  set_text(L, "phase", phase <= WORKER_STATUS_ENDED ? phases[phase] : "?");
  set_number(L, "pid", atomic_load(&worker_status->pid));
  set_number(L, "tid", atomic_load(&worker_status->tid));
  set_number(L, "task", (double)atomic_load(&worker_status->claim));
  set_number(L, "item", (double)atomic_load(&worker_status->item));
  set_number(L, "seconds", begun ? (double)(now - begun) / 1e9 : 0);
  set_number(L, "tasks", (double)atomic_load(&worker_status->items));
  set_number(L, "busy", (double)atomic_load(&worker_status->busy_ns) / 1e9);
  set_number(L, "age", (double)(now - atomic_load(&worker_status->made_ns)) / 1e9);
  set_number(L, "awake", ready ? (double)(now - ready) / 1e9 : 0);
  set_number(L, "bytes_in", (double)atomic_load(&worker_status->bytes_in));
  set_number(L, "bytes_out", (double)atomic_load(&worker_status->bytes_out));
}

static const char *purpose_of(const struct ring *r) {
  static const char *const names[] = {"", "queue", "tasks of a pool", "results of a pool"};
  const uint32_t purpose = atomic_load(&r->object.purpose);
  if (atomic_load(&r->object.anchors)) return "pipe";
  return purpose <= PURPOSE_RESULTS && purpose ? names[purpose] : "ring";
}

static void push_ring(lua_State *L, const struct ring *r) {
  const uint64_t taken = atomic_load(&r->head.count);
  const uint64_t put = atomic_load(&r->tail.count);
  lua_newtable(L);
  set_text(L, "purpose", purpose_of(r));
  set_number(L, "depth", put > taken ? (double)(put - taken) : 0);
  set_number(L, "put", (double)put);
  set_number(L, "bytes", (double)atomic_load(&r->tail.bytes));
  set_number(L, "maxsize", (double)r->max_messages);
  set_number(L, "place", (double)segment_ref(r));
  lua_pushboolean(L, atomic_load(&r->is_closed) != 0);
  lua_setfield(L, -2, "is_closed");
}

/* Reads the figures without the lock, which belongs to another program. */
static void push_lock(lua_State *L, const struct synchronizer *s) {
  const uint32_t kind = s->kind < LOCK_KINDS ? s->kind : LOCK_KIND_NONE;
  const enum synchronizer_holding holds = lock_kinds[kind].holds;
  const bool is_held = s->now.depth > 0 && s->now.slot < PROCESS_TABLE_MAX;
  lua_newtable(L);
  set_text(L, "kind", lock_kinds[kind].name);
  set_number(L, "waiting", (double)atomic_load(&s->occupied));
  set_number(L, "free", (double)s->now.permits);
  set_number(L, "readers", (double)s->now.readers);
  set_number(L, "holder", is_held ? (double)segment_process_table()->slots[s->now.slot].id.pid : 0);
  lua_pushboolean(L, kind == LOCK_KIND_EVENT ? atomic_load(&s->is_set) != 0 : s->now.is_broken != 0);
  lua_setfield(L, -2, kind == LOCK_KIND_EVENT ? "is_set" : "is_broken");
  lua_pushboolean(L, holds == HOLD_PERMITS || holds == HOLD_BOUNDED);
  lua_setfield(L, -2, "has_permits");
}

struct view {
  lua_State *L;
  int workers; /* places of the lists on the stack */
  int rings;
  int locks;
};

static void look_at_object(const struct view *v, const struct object *o) {
  if (o->magic != OBJECT_MAGIC || !object_is_live(o)) return;
  if (o->kind == OBJECT_RING) {
    push_ring(v->L, (const struct ring *)(const void *)o);
    append(v->L, v->rings);
  } else if (o->kind == OBJECT_SYNCHRONIZER) {
    push_lock(v->L, (const struct synchronizer *)(const void *)o);
    append(v->L, v->locks);
  }
}

static bool is_process_owner(owner_id owner) {
  return (owner & OWNER_CARRIES) == 0 && owner < owner_of_object(0);
}

static void look_at_block(void *context, block_ref block, owner_id owner) {
  const struct view *v = context;
  if (owner == owner_of_object(block)) {
    look_at_object(v, segment_at(block));
  } else if (is_process_owner(owner) && segment_block_size(block) == WORKER_STATUS_BLOCK) {
    const struct worker_status *worker_status = segment_at(block);
    if (atomic_load(&worker_status->magic) != WORKER_STATUS_MAGIC) return;
    push_worker(v->L, worker_status);
    append(v->L, v->workers);
  }
}

static void push_processes(lua_State *L) {
  const struct process_table *r = segment_process_table();
  lua_newtable(L);
  const int list = lua_gettop(L);
  const uint32_t count = atomic_load(&r->high_water);
  for (uint32_t slot = 0; slot < count && slot < PROCESS_TABLE_MAX; slot++) {
    if ((atomic_load(&r->slots[slot].state) & 3) != PROCESS_TABLE_LIVE) continue;
    lua_pushinteger(L, r->slots[slot].id.pid);
    append(L, list);
  }
}

/* [-0, +1, raises] */
static int push_view(lua_State *L) {
  lua_newtable(L);
  push_processes(L);
  lua_setfield(L, 1, "processes");
  lua_newtable(L);
  lua_newtable(L);
  lua_newtable(L);
  struct view v = {L, 2, 3, 4};
  arena_each_block(segment_arena(), segment_mapping(), look_at_block, &v);
  lua_setfield(L, 1, "locks");
  lua_setfield(L, 1, "rings");
  lua_setfield(L, 1, "workers");
  set_number(L, "memory", (double)mapping_used(segment_mapping()));
  return 1;
}

/* ---- finding the segment --------------------------------------------------------------------- */

static int push_reason(lua_State *L, status st) {
  lua_pushnil(L);
  if (st == -ESRCH)
    lua_pushliteral(L, "no such process");
  else if (st == STATUS_EMPTY)
    lua_pushliteral(L, "no program that uses manymoons, or it has started no worker and made no queue yet");
  else if (st == STATUS_FOREIGN)
    lua_pushliteral(L, "it runs another version of manymoons");
  else
    lua_pushstring(L, strerror(-st));
  return 2;
}

int inspect(lua_State *L) {
  int fd = -1;
  const status st = mapping_find(luaL_checkinteger(L, 1), segment_look, &fd);
  if (st) return push_reason(L, st);
  lua_pushcfunction(L, push_view);
  const int failed = lua_pcall(L, 0, 1, 0);
  segment_look_away();
  mapping_drop(fd);
  return failed ? lua_error(L) : 1;
}
