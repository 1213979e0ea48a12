/* SPDX-License-Identifier: MIT */
#include "pool/pool_worker.h"

#include "base/bytes.h"
#include "channel/message_refs.h"
#include "core/arguments.h"
#include "pool/pool_rings.h"
#include "state/globals_apply.h"
#include "state/parcel.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

/* In the registry: a table of these. */
static const char state_key;
enum { FORKS_POOL = 1, FORKS_TASKS, FORKS_SERVE };

void pool_forks_begin(lua_State *L, int index, struct ring *tasks) {
  index = lua_absindex(L, index);
  lua_newtable(L);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, FORKS_POOL);
  lua_pushlightuserdata(L, tasks);
  lua_rawseti(L, -2, FORKS_TASKS);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
}

/* Pushes a field of the state, or nil. */
static void push_field(lua_State *L, int field) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  if (!lua_istable(L, -1)) return;
  lua_rawgeti(L, -1, field);
  lua_remove(L, -2);
}

bool pool_forks_serve(lua_State *L) {
  push_field(L, FORKS_SERVE);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  const int failed = lua_pcall(L, 0, 1, 0);
  if (failed && vm_should_stop(vm_of(L))) vm_pass_stop(L, vm_of(L));
  const bool did_something = !failed && lua_toboolean(L, -1);
  lua_pop(L, 1);
  return did_something;
}

int pool_forks_call(lua_State *L) {
  push_field(L, FORKS_POOL);
  return 1;
}

int pool_forks_serve_by_call(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, FORKS_SERVE);
  return 0;
}

/* A message of the mode SERVE goes to one worker. A worker that looks for calls of tasks before it sleeps misses none: it
 * looks, and then sleeps on the ring of tasks, in which there is a message by then. */
int pool_forks_wake_call(lua_State *L) {
  const struct task_envelope envelope = {.mode = TASK_SERVE};
  struct parcel parcel;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  push_field(L, FORKS_TASKS);
  struct ring *tasks = lua_touserdata(L, -1);
  if (!tasks || ring_is_readable(tasks)) return 0;
  parcel_open(&parcel, &envelope, sizeof envelope);
  parcel_pack(L, &parcel, 1, 1, "function");
  const status st = parcel_put(tasks, &parcel, deadline_now());
  parcel_settle(&parcel, st);
  return 0;
}

/* ---- copies ---------------------------------------------------------------------------------- */

struct copied {
  struct bytes text;
};

static int decode_copied(lua_State *L) {
  const struct copied *c = lua_touserdata(L, 1);
  lua_settop(L, 0);
  return transfer_decode(L, c->text.data, c->text.len);
}

int pool_forks_copies_call(lua_State *L) {
  const int count = lua_gettop(L);
  struct bytes *text = transfer_encode(L, 1, count, "argument");
  struct copied c = {*text};
  bytes_init(text); /* decoding may encode something else */
  lua_settop(L, 0);
  lua_pushcfunction(L, decode_copied);
  lua_pushlightuserdata(L, &c);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  message_refs_discard(c.text.data, c.text.len);
  bytes_fini(&c.text);
  return failed ? lua_error(L) : lua_gettop(L);
}

int pool_forks_apply_globals_call(lua_State *L) {
  const lua_Number number = luaL_checknumber(L, 1);
  lua_settop(L, 2);
  globals_apply(L, number, 2);
  return 0;
}
