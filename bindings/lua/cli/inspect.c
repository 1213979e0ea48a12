/* SPDX-License-Identifier: MIT */
/* The program's segment is found among its descriptors and read through its descriptor
 * (shared/segment_view.h). No lock is taken, so the figures may be of different moments; and the
 * program may be hostile, so each structure is a copy, and each list has an end. */
#include "cli/inspect.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "base/status.h"
#include "deadlock/wait_text.h"
#include "os/clock.h"
#include "os/mapping.h"
#include "os/process.h"
#include "os/run_threads.h"
#include "process/worker_status.h"
#include "shared/ring.h"
#include "shared/segment_view.h"
#include "shared/synchronizer.h"
#include "shared/wait_graph.h"
#include "state/raise.h"

enum {
  LIST_MOST = 4096,   /* so many workers, queues and locks, each, are shown */
  LOOKS_MOST = 65536, /* of so many blocks that may be one */
  INSPECT_TEXT = 160,
};

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
  set_number(L, "thread", (double)atomic_load(&worker_status->thread));
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

static void push_ring(lua_State *L, const struct ring *r, block_ref place) {
  const uint64_t taken = atomic_load(&r->head.count);
  const uint64_t put = atomic_load(&r->tail.count);
  lua_newtable(L);
  set_text(L, "purpose", purpose_of(r));
  set_number(L, "depth", put > taken ? (double)(put - taken) : 0);
  set_number(L, "put", (double)put);
  set_number(L, "bytes", (double)atomic_load(&r->tail.bytes));
  set_number(L, "maxsize", (double)r->max_messages);
  set_number(L, "max_bytes", (double)r->max_bytes);
  set_number(L, "place", (double)place);
  lua_pushboolean(L, atomic_load(&r->is_closed) != 0);
  lua_setfield(L, -2, "is_closed");
}

/* What is on its way into Lua. The lists have at most LIST_MOST entries. */
struct view {
  lua_State *L;
  struct segment_view segment;
  int workers; /* places of the lists on the stack */
  int rings;
  int locks;
  int looks; /* blocks looked at */
  struct process_table processes;
};

/* Reads the figures without the lock, which belongs to another program. */
static void push_lock(const struct view *v, const struct synchronizer *s) {
  lua_State *L = v->L;
  const uint32_t kind = s->kind < LOCK_KINDS ? s->kind : LOCK_KIND_NONE;
  const enum synchronizer_holding holds = lock_kinds[kind].holds;
  const uint64_t word = atomic_load(&s->word);
  struct synchronizer_state now = s->now;
  if (lock_word_is_open(word)) synchronizer_read_word(word, &now);
  const bool is_held = now.depth > 0 && now.slot < PROCESS_TABLE_MAX;
  lua_newtable(L);
  set_text(L, "kind", lock_kinds[kind].name);
  set_number(L, "waiting", (double)atomic_load(&s->occupied));
  set_number(L, "free", (double)now.permits);
  set_number(L, "readers", (double)now.readers);
  set_number(L, "holder", is_held ? (double)v->processes.slots[now.slot].id.pid : 0);
  set_number(L, "holder_thread", is_held ? (double)now.thread : 0);
  lua_pushboolean(L, kind == LOCK_KIND_EVENT ? atomic_load(&s->is_set) != 0 : now.is_broken != 0);
  lua_setfield(L, -2, kind == LOCK_KIND_EVENT ? "is_set" : "is_broken");
  lua_pushboolean(L, holds == HOLD_PERMITS || holds == HOLD_BOUNDED);
  lua_setfield(L, -2, "has_permits");
}

/* Copies the structure in a block, unless the block is too small for it. */
static bool read_block(const struct view *v, block_ref block, uint64_t block_size, void *out, size_t size) {
  return size <= block_size && segment_view_read(&v->segment, block, out, size) == STATUS_OK;
}

static bool has_room(const struct view *v, int list) { return lua_rawlen(v->L, list) < LIST_MOST; }

static void look_at_object(const struct view *v, block_ref block, uint64_t size) {
  union {
    struct object object;
    struct ring ring;
    struct synchronizer synchronizer;
  } copy;
  if (!read_block(v, block, size, &copy, sizeof copy.object)) return;
  if (copy.object.magic != OBJECT_MAGIC || !object_is_live(&copy.object)) return;
  if (copy.object.kind == OBJECT_RING && has_room(v, v->rings)) {
    if (!read_block(v, block, size, &copy, sizeof copy.ring)) return;
    push_ring(v->L, &copy.ring, block);
    append(v->L, v->rings);
  } else if (copy.object.kind == OBJECT_SYNCHRONIZER && has_room(v, v->locks)) {
    if (!read_block(v, block, size, &copy, sizeof copy.synchronizer)) return;
    push_lock(v, &copy.synchronizer);
    append(v->L, v->locks);
  }
}

static bool is_process_owner(owner_id owner) {
  return (owner & OWNER_CARRIES) == 0 && owner < owner_of_object(0);
}

static void look_at_worker(const struct view *v, block_ref block, uint64_t size) {
  struct worker_status copy;
  if (!read_block(v, block, size, &copy, sizeof copy)) return;
  if (atomic_load(&copy.magic) != WORKER_STATUS_MAGIC) return;
  push_worker(v->L, &copy);
  append(v->L, v->workers);
}

/* False: enough was looked at. */
static bool look_at_block(void *context, block_ref block, uint64_t size, owner_id owner) {
  struct view *v = context;
  const bool is_object = owner == owner_of_object(block);
  if (!is_object && !(is_process_owner(owner) && size == WORKER_STATUS_BLOCK)) return true;
  if (is_object)
    look_at_object(v, block, size);
  else if (has_room(v, v->workers))
    look_at_worker(v, block, size);
  return ++v->looks < LOOKS_MOST;
}

static void push_processes(lua_State *L, const struct process_table *r) {
  lua_newtable(L);
  const int list = lua_gettop(L);
  const uint32_t count = atomic_load(&r->high_water);
  for (uint32_t slot = 0; slot < count && slot < PROCESS_TABLE_MAX; slot++) {
    if ((atomic_load(&r->slots[slot].state) & 3) != PROCESS_TABLE_LIVE) continue;
    lua_pushinteger(L, r->slots[slot].id.pid);
    append(L, list);
  }
}

static void set_context(lua_State *L, const struct process_table *r, struct execution_context who,
                        const char *pid_name, const char *thread_name) {
  const bool is_known = who.slot < PROCESS_TABLE_MAX;
  set_number(L, pid_name, is_known ? (double)r->slots[who.slot].id.pid : 0);
  set_number(L, thread_name, (double)who.thread);
}

/* The description of a wait by this waiter, or NULL. */
static const struct wait_description *find_waiter(const struct wait_graph *g, struct execution_context who) {
  for (size_t i = 0; i < WAIT_GRAPH_MAX; i++) {
    const struct wait_entry *e = &g->entries[i];
    if (e->number && execution_context_is(e->wait.waiter, who)) return &e->wait;
  }
  return NULL;
}

static void push_wait(lua_State *L, const struct process_table *r, const struct wait_graph *g,
                      const struct wait_entry *e) {
  const struct wait_description *w = &e->wait;
  char text[INSPECT_TEXT];
  lua_newtable(L);
  wait_text_write_target(w, text, sizeof text);
  set_text(L, "text", text);
  set_text(L, "name", w->name);
  set_text(L, "place", w->place);
  set_context(L, r, w->waiter, "pid", "thread");
  set_number(L, "tid", w->tid);
  lua_pushboolean(L, w->use <= WAIT_FOR_WRITING);
  lua_setfield(L, -2, "is_for_lock");
  lua_pushboolean(L, w->use == WAIT_IDLE);
  lua_setfield(L, -2, "is_idle");
  if (!e->is_held) return;
  set_context(L, r, e->holder, "holder", "holder_thread");
  const struct wait_description *holder = find_waiter(g, e->holder);
  if (holder) set_text(L, "holder_name", holder->name);
}

/* [-0, +1, raises] */
static void push_waits(const struct view *v) {
  lua_State *L = v->L;
  struct wait_graph *g = lua_newuserdata(L, sizeof *g);
  lua_newtable(L);
  const int list = lua_gettop(L);
  const bool is_read = segment_view_read_waits(&v->segment, g) == STATUS_OK;
  for (size_t i = 0; is_read && i < WAIT_GRAPH_MAX; i++) {
    if (!g->entries[i].number) continue;
    push_wait(L, &v->processes, g, &g->entries[i]);
    append(L, list);
  }
  lua_remove(L, -2);
}

static void must_read(lua_State *L, status st) {
  if (st) luaL_error(L, "its memory cannot be read");
}

enum { VIEW_TABLE = 2, VIEW_WORKERS, VIEW_RINGS, VIEW_LOCKS };

/* (view) -> table [-1, +1, raises] */
static int push_view(lua_State *L) {
  struct view *v = lua_touserdata(L, 1);
  must_read(L, segment_view_read_processes(&v->segment, &v->processes));
  for (int i = VIEW_TABLE; i <= VIEW_LOCKS; i++) lua_newtable(L);
  v->L = L;
  v->looks = 0;
  v->workers = VIEW_WORKERS, v->rings = VIEW_RINGS, v->locks = VIEW_LOCKS;
  must_read(L, segment_view_each_block(&v->segment, look_at_block, v));
  lua_pushboolean(L, v->looks < LOOKS_MOST && has_room(v, VIEW_WORKERS) && has_room(v, VIEW_RINGS) &&
                         has_room(v, VIEW_LOCKS));
  lua_setfield(L, VIEW_TABLE, "is_whole");
  lua_setfield(L, VIEW_TABLE, "locks");
  lua_setfield(L, VIEW_TABLE, "rings");
  lua_setfield(L, VIEW_TABLE, "workers");
  push_processes(L, &v->processes);
  lua_setfield(L, VIEW_TABLE, "processes");
  push_waits(v);
  lua_setfield(L, VIEW_TABLE, "waits");
  set_number(L, "memory", (double)v->segment.used);
  set_number(L, "memory_warm", (double)v->segment.warm);
  set_number(L, "memory_most", (double)v->segment.most);
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

static status try_open(int fd) {
  struct segment_view ignored;
  return segment_view_open(&ignored, fd);
}

int inspect(lua_State *L) {
  const int64_t pid = luaL_checkinteger(L, 1);
  struct view *v = lua_newuserdata(L, sizeof *v);
  int fd = -1;
  status st = mapping_find(pid, try_open, &fd);
  if (st) return push_reason(L, st);
  st = segment_view_open(&v->segment, fd);
  lua_pushcfunction(L, push_view);
  lua_pushvalue(L, -2);
  const int failed = st ? 0 : lua_pcall(L, 1, 1, 0);
  mapping_drop(fd);
  if (st) return push_reason(L, st);
  return failed ? lua_error(L) : 1;
}

int inspect_thread_time(lua_State *L) {
  int64_t ran_ns = 0;
  const int32_t pid = (int32_t)luaL_checkinteger(L, 1);
  if (run_threads_time(pid, (int32_t)luaL_checkinteger(L, 2), &ran_ns)) return 0;
  lua_pushnumber(L, (lua_Number)ran_ns * 1e-9);
  return 1;
}

/* ---- the programs of this user --------------------------------------------------------------- */

enum { PROGRAMS_MOST = 1024 };

/* The processes of this user that have a segment, each with the first process of its program. */
struct programs {
  int count;
  struct {
    int32_t pid;
    int32_t first;
  } list[PROGRAMS_MOST];
  struct process_table processes;
};

static int32_t first_of(const struct process_table *r) {
  const uint32_t count = atomic_load(&r->high_water);
  for (uint32_t slot = 0; slot < count && slot < PROCESS_TABLE_MAX; slot++)
    if ((atomic_load(&r->slots[slot].state) & 3) == PROCESS_TABLE_LIVE) return r->slots[slot].id.pid;
  return 0;
}

static bool look_at_process(void *context, int32_t pid) {
  struct programs *p = context;
  struct segment_view view;
  int fd = -1;
  if (mapping_find(pid, try_open, &fd)) return true;
  if (segment_view_open(&view, fd) == STATUS_OK &&
      segment_view_read_processes(&view, &p->processes) == STATUS_OK) {
    p->list[p->count].pid = pid;
    p->list[p->count++].first = first_of(&p->processes);
  }
  mapping_drop(fd);
  return p->count < PROGRAMS_MOST;
}

int inspect_programs(lua_State *L) {
  struct programs *p = lua_newuserdata(L, sizeof *p);
  p->count = 0;
  process_each_own(look_at_process, p);
  lua_createtable(L, 0, p->count);
  for (int i = 0; i < p->count; i++) {
    lua_pushinteger(L, p->list[i].first);
    lua_rawseti(L, -2, p->list[i].pid);
  }
  return 1;
}
