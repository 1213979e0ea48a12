/* SPDX-License-Identifier: MIT */
#include "profile/attaching.h"

#include <errno.h>
#include <string.h>

#include "core/arguments.h"
#include "os/clock.h"
#include "os/mapping.h"
#include "os/process.h"
#include "process/worker_status.h"
#include "profile/sheet.h"
#include "shared/segment_view.h"

static status try_open(int fd) {
  struct segment_view ignored;
  return segment_view_open(&ignored, fd);
}

status profile_find(int64_t pid, int *fd) { return mapping_find(pid, try_open, fd); }

int profile_refusal(lua_State *L, status st) {
  lua_pushnil(L);
  if (st == -ESRCH)
    lua_pushliteral(L, "no such process");
  else if (st == STATUS_EMPTY)
    lua_pushliteral(L, "no program that uses manymoons, or it has not required it yet");
  else if (st == STATUS_FOREIGN)
    lua_pushliteral(L, "it runs another version of manymoons");
  else if (st == -EBUSY)
    lua_pushliteral(L, "it is profiled already");
  else
    lua_pushstring(L, strerror(-st));
  lua_pushboolean(L, st == -EBUSY);
  return 3;
}

static bool is_live(const struct process_table *t, uint32_t slot) {
  return (atomic_load(&t->slots[slot].state) & 3) == PROCESS_TABLE_LIVE;
}

static uint32_t slots_of(const struct process_table *t) {
  const uint32_t count = atomic_load(&t->high_water);
  return count < PROCESS_TABLE_MAX ? count : PROCESS_TABLE_MAX;
}

/* The first process of the table outlives the others. 0: there is none. */
static owner_id first_owner(const struct process_table *t) {
  for (uint32_t slot = 0; slot < slots_of(t); slot++)
    if (is_live(t, slot)) return owner_of_process(slot, process_table_generation(t, slot));
  return 0;
}

struct target {
  int fd;
  struct segment_view view;
  struct process_table processes;
  uint64_t word;
  int signal;
  int64_t looked_at; /* the process that was looked at last: … */
  bool is_of;        /* … whether it is one of the program */
};

/* The tables are the other program's, and may name processes that have nothing to do with it. */
static void ask(struct target *t, int64_t pid, int64_t thread) {
  if (pid <= 0 || thread <= 0) return;
  if (t->looked_at != pid) t->is_of = mapping_is_of(t->fd, pid);
  t->looked_at = pid;
  if (t->is_of) (void)!process_signal_handler(pid, thread, t->signal);
}

/* A process that waits looks at the word by itself. So do those of a host that has no handler of ours, because it has
 * no workers; they are not seen while they compute. */
static void ask_processes(struct target *t) {
  const struct process_table *p = &t->processes;
  for (uint32_t slot = 0; slot < slots_of(p); slot++)
    if (is_live(p, slot)) ask(t, p->slots[slot].id.pid, p->slots[slot].id.pid);
}

/* A worker that is a thread of its process: the first thread may run no Lua for long, if it is a host's. */
static bool ask_worker(void *context, block_ref block, uint64_t size, owner_id owner) {
  struct target *t = context;
  struct worker_status copy;
  (void)owner;
  if (size != WORKER_STATUS_BLOCK || segment_view_read(&t->view, block, &copy, sizeof copy)) return true;
  const int32_t pid = atomic_load(&copy.pid), thread = atomic_load(&copy.tid);
  if (atomic_load(&copy.magic) == WORKER_STATUS_MAGIC && thread != pid) ask(t, pid, thread);
  return true;
}

static void ask_all(struct target *t) {
  if (!t->signal) return;
  ask_processes(t);
  (void)!segment_view_each_block(&t->view, ask_worker, t);
}

static status open_target(struct target *t, int64_t pid) {
  t->looked_at = 0;
  status st = profile_find(pid, &t->fd);
  if (st) return st;
  st = segment_view_open(&t->view, t->fd);
  if (st == STATUS_OK) st = segment_view_read_processes(&t->view, &t->processes);
  if (st == STATUS_OK) st = segment_view_read_profiling(&t->view, &t->word, &t->signal);
  if (st) mapping_drop(t->fd);
  return st;
}

static status request(struct target *t, uint64_t word, double seconds) {
  const int64_t until_ns = word ? clock_now_ns() + (int64_t)(seconds * 1e9) : 0;
  const status st = segment_view_write_profiling(&t->view, word, until_ns);
  if (st == STATUS_OK) ask_all(t);
  return st;
}

static void push_processes(lua_State *L, const struct process_table *t) {
  lua_newtable(L);
  for (uint32_t slot = 0; slot < slots_of(t); slot++) {
    if (!is_live(t, slot)) continue;
    lua_pushinteger(L, t->slots[slot].id.pid);
    lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  }
}

int profile_attach(lua_State *L) {
  const int64_t pid = luaL_checkinteger(L, 1);
  const uint32_t rate = (uint32_t)luaL_checkinteger(L, 2);
  const double seconds = luaL_checknumber(L, 3);
  struct target *t = lua_newuserdata(L, sizeof *t);
  const uint32_t generation = (uint32_t)(clock_now_ns() >> 20 & ((1u << PROFILE_GENERATION_BITS) - 1)) | 1;
  status st = open_target(t, pid);
  if (st) return profile_refusal(L, st);
  const owner_id owner = first_owner(&t->processes);
  st = t->word ? -EBUSY : !owner ? -ESRCH : STATUS_OK;
  if (st == STATUS_OK) st = request(t, profile_word(owner, generation, rate), seconds);
  mapping_drop(t->fd);
  if (st) return profile_refusal(L, st);
  lua_pushinteger(L, generation);
  push_processes(L, &t->processes);
  return 2;
}

int profile_detach(lua_State *L) {
  struct target *t = lua_newuserdata(L, sizeof *t);
  const uint32_t generation = (uint32_t)luaL_checkinteger(L, 2);
  if (open_target(t, luaL_checkinteger(L, 1))) return 0;
  if (t->word && profile_generation(t->word) == generation) (void)!request(t, 0, 0);
  mapping_drop(t->fd);
  return 0;
}
