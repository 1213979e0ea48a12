/* SPDX-License-Identifier: MIT */
#include "deadlock/wait_text.h"

#include <stdio.h>

#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "shared/synchronizer.h"
#include "state/caller.h"
#include "state/vm.h"

/* ---- describing ------------------------------------------------------------------------------ */

static const char namer_key = 'n', shares_key = 's'; /* their addresses are keys; never written */

int wait_text_set_namer(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &namer_key);
  return 0;
}

void wait_text_set_shares(lua_State *L, wait_text_fill fill) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)fill);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &shares_key);
}

/* NULL: there is none. [-0, +1, memory] */
static const char *push_name(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &namer_key);
  if (lua_isnil(L, -1)) { /* a worker that has not required the library */
    const char *name = vm_self(vm_of(L))->name;
    return *name ? name : NULL;
  }
  if (lua_pcall(L, 0, 1, 0)) return NULL;
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

static void fill_shares(lua_State *L, struct wait_description *d) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &shares_key);
  const wait_text_fill fill = (wait_text_fill)(uintptr_t)lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (fill) fill(L, d);
}

static void set_origin(struct wait_description *d, const char *name, int32_t tid) {
  d->pid = process_pid();
  d->tid = tid;
  d->since_ns = clock_now_ns();
  snprintf(d->name, sizeof d->name, "%.*s", WAIT_GRAPH_NAME - 1, name ? name : "main");
}

void wait_text_describe(lua_State *L, struct wait_description *d) {
  set_origin(d, push_name(L), thread_kernel_id());
  lua_pop(L, 1);
  fill_shares(L, d);
  caller_write_place(L, d->place, sizeof d->place);
  caller_write_stack(L, vm_self(vm_of(L))->resume, d->stack, sizeof d->stack);
}

void wait_text_locate(lua_State *of, struct wait_description *d) {
  caller_write_place(of, d->place, sizeof d->place);
  caller_write_stack(of, NULL, d->stack, sizeof d->stack);
}

void wait_text_describe_task(lua_State *of, const char *name, struct wait_description *d) {
  set_origin(d, name, 0);
  wait_text_locate(of, d);
}

/* ---- in words -------------------------------------------------------------------------------- */

static const char *kind_name(const struct wait_description *d) {
  return d->kind < LOCK_KINDS ? lock_kinds[d->kind].name : "?";
}

/* What the waiter waits for; `letter` names a lock, "" if nothing does. */
static void write_target(const struct wait_description *d, const char *letter, char *text, size_t size) {
  static const char *const uses[] = {"", " for reading", " for writing"};
  const char *gap = *letter ? " " : "";
  switch (d->use) {
    case WAIT_FOR_LOCK:
    case WAIT_FOR_READING:
    case WAIT_FOR_WRITING:
      snprintf(text, size, "waits for %s%s%s%s", kind_name(d), gap, letter, uses[d->use]);
      break;
    case WAIT_FOR_END: snprintf(text, size, "waits for the end of %s", d->what); break;
    case WAIT_IDLE: snprintf(text, size, "has no task"); break;
    default: snprintf(text, size, d->what[0] ? "waits in %s" : "waits", d->what); break;
  }
}

static void write_place(const struct wait_description *d, char *text, size_t size) {
  text[0] = '\0';
  if (d->is_last)
    snprintf(text, size, " before it ends");
  else if (d->use != WAIT_IDLE && strcmp(d->place, "?") != 0)
    snprintf(text, size, " at %s", d->place);
}

enum { PLACE_TEXT = WAIT_GRAPH_PLACE + 16, TARGET_TEXT = WAIT_GRAPH_NAME + 64 };

void wait_text_write_target(const struct wait_description *d, char *text, size_t size) {
  write_target(d, "", text, size);
}

void wait_text_write(const struct wait_description *d, char *text, size_t size) {
  char target[TARGET_TEXT], place[PLACE_TEXT];
  write_target(d, "", target, sizeof target);
  write_place(d, place, sizeof place);
  snprintf(text, size, "%s (process %d) %s%s", d->name, (int)d->pid, target, place);
}

/* The locks of a cycle are named by letters: the first waiter holds A, and waits for B. */
static char letter_of(const struct wait_cycle *c, uint32_t at) {
  uint32_t same = 0;
  while (c->waits[same].object != c->waits[at].object) same++;
  return (char)('A' + (same + 1 == c->count ? 0 : same + 1));
}

/* What the waiter before it waits for, that this one holds; "": its end. */
static void write_held(const struct wait_cycle *c, uint32_t at, char *text, size_t size) {
  const uint32_t before = (at + c->count - 1) % c->count;
  text[0] = '\0';
  if (before < c->shown && c->waits[before].use != WAIT_FOR_END)
    snprintf(text, size, c->is_line[before] ? "is first in line for %s %c, and " : "holds %s %c and ",
             kind_name(&c->waits[before]), letter_of(c, before));
}

static void push_waiter(lua_State *L, const struct wait_cycle *c, uint32_t at) {
  const struct wait_description *d = &c->waits[at];
  char held[64], target[TARGET_TEXT], place[PLACE_TEXT];
  write_held(c, at, held, sizeof held);
  write_target(d, (char[]){letter_of(c, at), '\0'}, target, sizeof target);
  write_place(d, place, sizeof place);
  lua_pushfstring(L, "\n  %s (process %d) %s%s%s%s", d->name, (int)d->pid, held, target, place, d->stack);
}

void wait_text_push_cycle(lua_State *L, const struct wait_cycle *c) {
  luaL_checkstack(L, (int)c->shown + 8, "deadlock");
  lua_pushliteral(L, "");
  for (uint32_t i = 0; i < c->shown; i++) push_waiter(L, c, i);
  lua_concat(L, (int)c->shown + 1);
}
