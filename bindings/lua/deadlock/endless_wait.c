/* SPDX-License-Identifier: MIT */
#include "deadlock/endless_wait.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "deadlock/standstill.h"
#include "deadlock/wait_text.h"
#include "os/clock.h"
#include "shared/segment.h"
#include "state/caller.h"
#include "state/raise.h"
#include "state/vm_thread.h"

void endless_wait_init(struct endless_wait *e, enum wait_use use) {
  e->use = use;
  e->worker = NULL;
  e->task = NULL;
  e->is_last = false;
  e->cycle = NULL;
  e->stamp = 0;
  e->graph.number = 0;
  e->seen = (struct standstill){.sum = 0};
}

/* ---- entering -------------------------------------------------------------------------------- */

/* The function that the script has called, the worker, or the tasks. [-0, +0, memory] */
static void describe_target(lua_State *L, const struct endless_wait *e, struct wait_description *d) {
  if (e->worker) {
    d->worker_pid = atomic_load(&e->worker->pid);
    d->worker_tid = atomic_load(&e->worker->tid);
    snprintf(d->what, sizeof d->what, "%.*s", WAIT_GRAPH_NAME - 1, e->worker->name);
    return;
  }
  if (e->task) {
    snprintf(d->what, sizeof d->what, "%s", e->tasks);
    wait_text_locate(e->task, d);
    return;
  }
  caller_push_name(L);
  snprintf(d->what, sizeof d->what, "%s", lua_tostring(L, -1));
  const size_t length = strlen(d->what);
  if (length >= 2) d->what[length - 2] = '\0'; /* the colon behind the name */
  lua_pop(L, 1);
}

/* (wait, description) → nothing [raises] */
static int describe(lua_State *L) {
  const struct endless_wait *e = lua_touserdata(L, 1);
  struct wait_description *d = lua_touserdata(L, 2);
  wait_text_describe(L, d);
  describe_target(L, e, d);
  return 0;
}

/* A worker that has not begun may still be on its way. */
static bool may_enter(struct vm *vm, const struct endless_wait *e) {
  if (atomic_load(&vm_self(vm)->stop_at_ns) || segment_open()) return false;
  return !e->worker || atomic_load(&e->worker->tid);
}

static void enter(lua_State *L, struct endless_wait *e) {
  struct vm *vm = vm_of(L);
  if (!may_enter(vm, e) || !lua_checkstack(L, 4)) return;
  e->epoch = segment_epoch();
  struct wait_description d = {.use = e->use, .is_last = e->is_last};
  d.waiter = (struct execution_context){segment_slot(), (uint64_t)(uintptr_t)vm_self(vm)};
  lua_pushcfunction(L, describe);
  lua_pushlightuserdata(L, e);
  lua_pushlightuserdata(L, &d);
  if (lua_pcall(L, 2, 0, 0) == 0)
    (void)!wait_graph_enter(segment_wait_graph(), segment_self(), &d, &e->graph);
  else
    lua_pop(L, 1);
}

/* ---- looking --------------------------------------------------------------------------------- */

void endless_wait_begin_look(struct endless_wait *e) {
  e->stamp = e->graph.number ? wait_graph_stamp(segment_wait_graph()) : 0;
}

/* Keeps the cycle. False: there is no memory for it, and the wait goes on. */
static bool keep_cycle(struct endless_wait *e, const struct wait_cycle *found) {
  e->cycle = memory_alloc(sizeof *e->cycle);
  if (e->cycle) *e->cycle = *found;
  return e->cycle != NULL;
}

bool endless_wait_look(lua_State *L, struct endless_wait *e) {
  struct wait_cycle found;
  if (!e->graph.number) {
    enter(L, e);
    return false;
  }
  if (!e->stamp) return false;
  const struct wait_look look = {.stamp = e->stamp, .threads = vm_live_threads()};
  if (wait_graph_look(segment_wait_graph(), &e->graph, &look, &found)) return keep_cycle(e, &found);
  standstill_look(vm_of(L), &e->seen);
  return false;
}

void endless_wait_end(struct endless_wait *e) {
  if (!e->graph.number) return;
  if (e->epoch == segment_epoch()) wait_graph_leave(segment_wait_graph(), &e->graph);
  e->graph.number = 0;
  e->stamp = 0;
  e->seen = (struct standstill){.sum = 0};
}

void endless_wait_refuse(lua_State *L, struct endless_wait *e, const char *method) {
  struct wait_cycle *copy = lua_newuserdata(L, sizeof *copy);
  *copy = *e->cycle;
  memory_free(e->cycle);
  lua_pushfstring(L, "%s: deadlock: each of %d waits for what another one holds, or for its end:", method,
                  (int)copy->count);
  wait_text_push_cycle(L, copy);
  lua_concat(L, 2);
  raise_kind(L, "deadlock");
}

/* ---- for Lua --------------------------------------------------------------------------------- */

static const char class_key[] = "manymoons.standing_wait";
static const double look_seconds = 0.2; /* between two looks of a loop */

struct standing_wait {
  struct endless_wait wait;
  deadline next_look;
};

static struct standing_wait *check_standing(lua_State *L) { return luaL_checkudata(L, 1, class_key); }

/* An attempt between two looks is none, and leaves the stamp of the first one. */
static int begin(lua_State *L) {
  struct standing_wait *s = check_standing(L);
  if (!s->wait.stamp) endless_wait_begin_look(&s->wait);
  return 0;
}

static int look(lua_State *L) REQUIRES(rank_vm) {
  struct standing_wait *s = check_standing(L);
  if (!deadline_passed(s->next_look)) return 0;
  if (!s->wait.graph.number && lua_isfunction(L, 2)) {
    lua_call(L, 0, 2);
    s->wait.task = lua_tothread(L, 2);
    s->wait.tasks = luaL_optstring(L, 3, "tasks");
  }
  (void)!endless_wait_look(L, &s->wait);
  s->wait.task = NULL;
  s->wait.stamp = 0;
  s->next_look = deadline_after(look_seconds);
  return 0;
}

static int finish(lua_State *L) {
  endless_wait_end(&check_standing(L)->wait);
  return 0;
}

int endless_wait_new(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"begin", begin}, {"look", look}, {"finish", finish}, {"__gc", finish}, {NULL, NULL}};
  struct standing_wait *s = lua_newuserdata(L, sizeof *s);
  endless_wait_init(&s->wait, WAIT_FOR_EVENT);
  s->next_look = deadline_now();
  if (luaL_newmetatable(L, class_key)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  return 1;
}
