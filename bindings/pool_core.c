/* SPDX-License-Identifier: MIT */
/* The parent's side: putting tasks, taking results, and waiting for a result or a death, whichever is first.
 */
#include "pool_core.h"

#include <limits.h>

#include "os/clock.h"
#include "shared/cargo.h"
#include "shared/ring.h"
#include "state/parcel.h"
#include "state/transfer.h"
#include "wait_any.h"
#include "waiting.h"
#include "worker.h"

struct pool_core {
  struct ring *tasks; /* NULL once closed */
  struct ring *results;
  struct bytes inbox;
  struct ring_message message;
  uint64_t functions; /* how many were ever added */
  futex_word nudges;  /* counts up when a thread has taken what another of this VM may sleep for */
};

static const struct handle_class class; /* defined below its methods */

static struct pool_core *check_core(lua_State *L, int index) {
  struct pool_core *core = class_check(L, index, &class);
  if (!core->results) luaL_error(L, "Pool: used after close");
  return core;
}

int pool_core_new(lua_State *L) {
  struct pool_core *core = lua_newuserdata(L, sizeof *core);
  *core = (struct pool_core){0};
  luaL_getmetatable(L, class.key);
  lua_setmetatable(L, -2);
  status st = ring_make(&core->tasks, 0, RING_GROWS);
  if (st == STATUS_OK) st = ring_make(&core->results, 0, RING_GROWS);
  return st ? return_failure(L, st) : 1;
}

void pool_core_rings(lua_State *L, int index, object_ref *tasks, object_ref *results) {
  const struct pool_core *core = check_core(L, index);
  *tasks = commons_object_ref(&core->tasks->object);
  *results = commons_object_ref(&core->results->object);
}

static void release_ring(struct ring **ring) {
  if (*ring) commons_release(&(*ring)->object);
  *ring = NULL;
}

static int core_gc(lua_State *L) {
  struct pool_core *core = class_check(L, 1, &class);
  ring_message_done(&core->message);
  bytes_fini(&core->inbox);
  release_ring(&core->tasks);
  release_ring(&core->results);
  return 0;
}

/* ---- functions
 * ------------------------------------------------------------------------------------------------ */

/* The block that workers read a function from, as often as they need it. */
static status store_function(const struct bytes *text, block_ref *out) {
  struct bytes carried;
  const uint64_t size = text->len;
  bytes_init(&carried);
  status st = message_list(text->data, text->len, MESSAGE_ALL, &carried);
  const struct object_list list = message_listed(&carried);
  if (st == STATUS_OK) st = cargo_make(&list, sizeof size + text->len, out);
  bytes_fini(&carried);
  if (st) return st;
  uint8_t *to = cargo_text(*out);
  memcpy(to, &size, sizeof size);
  memcpy(to + sizeof size, text->data, text->len);
  return STATUS_OK;
}

/* core:add_function(f) → number, place. The place is to be given back with drop_function. */
static int core_add_function(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  const struct bytes *text = transfer_encode(L, 2, 1, "function");
  block_ref block = 0;
  const status st = store_function(text, &block);
  message_discard(text->data, text->len);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)++core->functions);
  lua_pushnumber(L, (lua_Number)block);
  return 2;
}

/* What the function carried stays alive with its copies in the workers. */
static int core_drop_function(lua_State *L) {
  check_core(L, 1);
  cargo_discard((block_ref)luaL_checknumber(L, 2));
  return 0;
}

/* ---- tasks
 * ---------------------------------------------------------------------------------------------------- */

static int put_task(lua_State *L, const struct pool_core *core, struct parcel *parcel) {
  const status st = parcel_put(core->tasks, parcel, deadline_never());
  parcel_settle(parcel, st);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)ring_last_number(core->tasks));
  return 1;
}

enum { ARG_MODE = 2, ARG_TASK, ARG_NUMBER, ARG_PLACE, ARG_REST };

static struct envelope task_envelope(lua_State *L) {
  return (struct envelope){.code = (uint8_t)luaL_checkinteger(L, ARG_MODE),
                           .task = (uint64_t)luaL_checknumber(L, ARG_TASK),
                           .function = (uint64_t)luaL_checknumber(L, ARG_NUMBER),
                           .function_code = (block_ref)luaL_checknumber(L, ARG_PLACE)};
}

/* core:put(mode, task, number, place, arguments…) → the task's number in the ring, which a claim names */
static int core_put(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  const struct envelope envelope = task_envelope(L);
  const int count = lua_gettop(L) - ARG_REST + 1;
  struct parcel parcel;
  parcel_open(&parcel, &envelope, sizeof envelope);
  parcel_pack(L, &parcel, ARG_REST, count, "argument");
  return put_task(L, core, &parcel);
}

/* core:put_slice(mode, task, number, place, list, first, last): the items list[first … last] as one task */
static int core_put_slice(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  const struct envelope envelope = task_envelope(L);
  luaL_checktype(L, ARG_REST, LUA_TTABLE);
  const int first = (int)luaL_checkinteger(L, ARG_REST + 1);
  const int last = (int)luaL_checkinteger(L, ARG_REST + 2);
  lua_pushinteger(L, last - first + 1);
  lua_createtable(L, last - first + 1, 0);
  for (int i = first; i <= last; i++) {
    lua_rawgeti(L, ARG_REST, i);
    lua_rawseti(L, -2, i - first + 1);
  }
  struct parcel parcel;
  parcel_open(&parcel, &envelope, sizeof envelope);
  parcel_pack(L, &parcel, lua_gettop(L) - 1, 2, "list");
  return put_task(L, core, &parcel);
}

/* ---- results
 * -------------------------------------------------------------------------------------------------- */

/* Pushes task, outcome and the values; the message is given back before anything can be done with them. */
static int decode_result(lua_State *L) {
  const struct pool_core *core = lua_touserdata(L, 1);
  return transfer_decode(L, core->message.data + sizeof(struct envelope),
                         core->message.size - sizeof(struct envelope), TRANSFER_TRUSTED);
}

/* A result that cannot be decoded is its own task's failure: outcome "undecodable" and the text. */
static int push_result(lua_State *L, struct pool_core *core) {
  struct envelope envelope;
  memcpy(&envelope, core->message.data, sizeof envelope);
  lua_settop(L, 1);
  lua_pushnumber(L, (lua_Number)envelope.task);
  lua_pushinteger(L, envelope.code);
  lua_pushcfunction(L, decode_result);
  lua_pushlightuserdata(L, core);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  ring_message_done(&core->message);
  bytes_trim(&core->inbox, 64 * 1024);
  if (failed) {
    lua_pushliteral(L, "undecodable");
    lua_replace(L, 3);
  }
  return lua_gettop(L) - 1;
}

static int push_reason(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* Two places are for the results and the nudges. */
enum { WATCHED_WORKERS_MAX = FUTEX_WATCH_MAX - 2 };

/* Gathers what changes when one of the workers in the list dies; false: one has died already. */
static bool watch_workers(lua_State *L, int list, struct futex_watch *watches, size_t *count) {
  const int workers = (int)lua_rawlen(L, list);
  *count = 0;
  for (int i = 1; i <= workers && *count < WATCHED_WORKERS_MAX; i++) {
    lua_rawgeti(L, list, i);
    const bool is_there = worker_watch(L, -1, &watches[*count]);
    lua_pop(L, 1);
    if (!is_there) return false;
    ++*count;
  }
  return true;
}

/* core:take(workers, timeout) → task, outcome, values…; or nil, "timeout"; or nil, "look": see whether they
 * all live. */
static int core_take(lua_State *L) REQUIRES(rank_vm) {
  struct pool_core *core = check_core(L, 1);
  const deadline until = argument_timeout(L, 3);
  ring_message_done(&core->message);
  status st = ring_take(core->results, &core->inbox, &core->message, deadline_now());
  if (st == STATUS_OK) trace_take(core->results, &core->message);
  if (st == STATUS_OK) return push_result(L, core);
  if (st != STATUS_EMPTY) return return_failure(L, st);
  if (deadline_is_now(until)) return push_reason(L, "timeout");
  struct futex_watch watches[FUTEX_WATCH_MAX];
  struct ring_wait wait = {.also = watches};
  if (!watch_workers(L, 2, watches, &wait.also_count)) return push_reason(L, "look");
  watches[wait.also_count++] = (struct futex_watch){&core->nudges, atomic_load(&core->nudges)};
  trace_call_next(TRACE_CALL_RESULT);
  vm_leave(vm_of(L));
  st = ring_wait_readable(core->results, &wait, until);
  vm_enter(vm_of(L));
  raise_if_stopped(L, st);
  st = ring_take(core->results, &core->inbox, &core->message, deadline_now());
  if (st == STATUS_OK) trace_take_again(core->results, &core->message);
  if (st == STATUS_OK) return push_result(L, core);
  return push_reason(L, deadline_passed(until) ? "timeout" : "look");
}

/* core:all_live(workers): a look at their cells and locks, without a system call. */
static int core_all_live(lua_State *L) {
  struct futex_watch watches[FUTEX_WATCH_MAX];
  size_t count = 0;
  check_core(L, 1);
  lua_pushboolean(L, watch_workers(L, 2, watches, &count));
  return 1;
}

/* core:claim(worker) → the number of the task in a dead worker's hands, or 0 */
static int core_claim(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  ring_settle(core->tasks);
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_cell(L, 2)->claim));
  return 1;
}

/* core:close(): no more tasks; the workers end when they have done what is left. */
static int core_close(lua_State *L) {
  ring_close(check_core(L, 1)->tasks);
  return 0;
}

/* core:drain(): throws away the tasks that nobody has taken. */
static int core_drain(lua_State *L) {
  message_drain(check_core(L, 1)->tasks);
  return 0;
}

/* core:nudge(): other threads of this VM that sleep for results, or are about to, look at their futures
 * again.
 */
static int core_nudge(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  atomic_fetch_add(&core->nudges, 1);
  futex_wake(&core->nudges, INT_MAX);
  return 0;
}

static const luaL_Reg methods[] = {
    {"add_function", core_add_function},
    {"drop_function", core_drop_function},
    {"put", core_put},
    {"put_slice", core_put_slice},
    {"take", core_take},
    {"all_live", core_all_live},
    {"claim", core_claim},
    {"close", core_close},
    {"drain", core_drain},
    {"nudge", core_nudge},
    {NULL, NULL},
};

static const struct handle_class class = {"PoolCore", "manymoons.PoolCore", methods, core_gc, NULL};

/* ---- waiting among other things ---------------------------------------------------------------------------
 */

static bool core_is_ready(lua_State *L, int index) {
  const struct pool_core *core = lua_touserdata(L, index);
  return !core->results || ring_is_readable(core->results);
}

static bool core_watch(lua_State *L, int index, bell_set bells) {
  const struct pool_core *core = lua_touserdata(L, index);
  return !core->results || ring_watch(core->results, bells);
}

void pool_core_open(lua_State *L) {
  static const struct waitable waitable = {core_is_ready, core_watch, NULL};
  class_register(L, &class);
  class_set_pointer(L, &class, WAITABLE_FIELD, &waitable);
}
