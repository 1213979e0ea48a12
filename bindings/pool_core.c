/* SPDX-License-Identifier: MIT */
/* The parent's side: putting tasks, taking results, and waiting for a result or a death,
 * whichever is first. */
#include "pool_core.h"

#include <limits.h>

#include "os/clock.h"
#include "shared/cargo.h"
#include "shared/ring.h"
#include "state/error.h"
#include "state/parcel.h"
#include "state/scalar.h"
#include "state/transfer.h"
#include "wait_any.h"
#include "waiting.h"
#include "worker.h"
#include "worker_start.h"

struct pool_core {
  struct ring *tasks; /* NULL once closed */
  struct ring *results;
  struct bytes inbox;
  struct ring_message message;
  owner_id owner;           /* whose blocks these are: a forked child has a copy of this, and not of them */
  uint64_t functions;       /* how many were ever added */
  struct bytes call_states; /* places of call states that nobody has (block_ref each) */
  struct bytes call_state_blocks; /* the blocks they are in */
  futex_word wake_count; /* counts up when a thread has taken what another of this VM may sleep for */
};

static const struct handle_class class; /* defined below its methods */

static struct pool_core *check_core(lua_State *L, int index) {
  struct pool_core *core = class_check(L, index, &class);
  if (!core->results) luaL_error(L, "Pool: used after close");
  return core;
}

int pool_core_new(lua_State *L) {
  struct pool_core *core = lua_newuserdata(L, sizeof *core);
  *core = (struct pool_core){.owner = commons_self()};
  luaL_getmetatable(L, class.key);
  lua_setmetatable(L, -2);
  status st = ring_make(&core->tasks, 0, RING_GROWS);
  if (st == STATUS_OK) st = ring_make(&core->results, 0, RING_GROWS);
  if (st) return return_failure(L, st);
  atomic_store(&core->tasks->object.purpose, PURPOSE_TASKS);
  atomic_store(&core->results->object.purpose, PURPOSE_RESULTS);
  return 1;
}

int pool_core_start_worker(lua_State *L) REQUIRES(rank_vm) {
  enum { ARG_CORE = 3 };
  struct worker_rings rings = {0};
  luaL_checkany(L, ARG_CORE);
  if (!lua_isnil(L, ARG_CORE)) {
    const struct pool_core *core = check_core(L, ARG_CORE);
    rings.tasks = commons_object_ref(&core->tasks->object);
    rings.results = commons_object_ref(&core->results->object);
  }
  lua_remove(L, ARG_CORE);
  return worker_start(L, rings);
}

static void release_ring(struct ring **ring) {
  if (*ring) commons_release(&(*ring)->object);
  *ring = NULL;
}

static void free_call_state_blocks(struct pool_core *core) {
  const block_ref *blocks = (const block_ref *)(const void *)core->call_state_blocks.data;
  if (core->owner != commons_self()) return;
  for (size_t i = 0; i < core->call_state_blocks.len / sizeof *blocks; i++) commons_free(blocks[i]);
}

static int core_gc(lua_State *L) {
  struct pool_core *core = class_check(L, 1, &class);
  ring_message_done(&core->message);
  bytes_fini(&core->inbox);
  if (core->results) free_call_state_blocks(core);
  bytes_fini(&core->call_state_blocks);
  bytes_fini(&core->call_states);
  release_ring(&core->tasks);
  release_ring(&core->results);
  return 0;
}

/* ---- functions and arguments that are kept --------------------------------------------------- */

/* Returns the block, and its place on the stack; nil and why. The values are the top `count`.
 * [-0, +1 or 2, raises] */
static int store(lua_State *L, int first, int count, const char *what) {
  struct bytes carried;
  const struct bytes *text = transfer_encode(L, first, count, what);
  const uint64_t size = text->len;
  block_ref block = 0;
  bytes_init(&carried);
  status st = message_list(text->data, text->len, MESSAGE_ALL, &carried);
  const struct object_list list = message_listed(&carried);
  if (st == STATUS_OK) st = cargo_make(&list, sizeof size + text->len, &block);
  if (st == STATUS_OK) {
    memcpy(cargo_text(block), &size, sizeof size);
    memcpy((uint8_t *)cargo_text(block) + sizeof size, text->data, text->len);
  }
  message_discard(text->data, text->len);
  bytes_fini(&carried);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)block);
  return 1;
}

/* core:add_function(f) → number, place. The place is to be given back with drop. */
static int core_add_function(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  if (store(L, 2, 1, "function") == 2) return 2;
  lua_pushnumber(L, (lua_Number)++core->functions);
  lua_insert(L, -2);
  return 2;
}

/* core:store(arguments…) → place */
static int core_store(lua_State *L) {
  check_core(L, 1);
  return store(L, 2, lua_gettop(L) - 1, "argument");
}

/* Pushes how many they are, and a copy of list[first … last]: three arguments from `index` on. */
static void push_slice(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  const int first = (int)luaL_checkinteger(L, index + 1);
  const int last = (int)luaL_checkinteger(L, index + 2);
  lua_pushinteger(L, last - first + 1);
  lua_createtable(L, last - first + 1, 0);
  for (int i = first; i <= last; i++) {
    lua_rawgeti(L, index, i);
    lua_rawseti(L, -2, i - first + 1);
  }
}

/* core:store_slice(list, first, last) → place: of a task whose list is list[first … last] */
static int core_store_slice(lua_State *L) {
  check_core(L, 1);
  push_slice(L, 2);
  return store(L, lua_gettop(L) - 1, 2, "item");
}

/* core:drop(place). What a function carried stays alive with its copies in the workers. */
static int core_drop(lua_State *L) {
  check_core(L, 1);
  cargo_discard((block_ref)luaL_checknumber(L, 2));
  return 0;
}

/* ---- call states --------------------------------------------------------------------------------- */

enum { CALL_STATES_IN_A_BLOCK = 1024 };

static status make_call_states(struct pool_core *core) {
  block_ref block = 0;
  status st = bytes_reserve(&core->call_states, CALL_STATES_IN_A_BLOCK * sizeof block);
  if (st == STATUS_OK) st = bytes_reserve(&core->call_state_blocks, sizeof block);
  if (st == STATUS_OK) st = commons_alloc(CALL_STATES_IN_A_BLOCK * sizeof(call_state), &block);
  if (st == STATUS_OK) st = bytes_append(&core->call_state_blocks, &block, sizeof block);
  for (int i = CALL_STATES_IN_A_BLOCK - 1; st == STATUS_OK && i >= 0; i--) {
    const block_ref place = block + (block_ref)i * sizeof(call_state);
    st = bytes_append(&core->call_states, &place, sizeof place);
  }
  return st;
}

/* core:call_state() → place of one that is queued; nil and why */
static int core_call_state(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  const status st = core->call_states.len ? STATUS_OK : make_call_states(core);
  if (st) return return_failure(L, st);
  block_ref place = 0;
  core->call_states.len -= sizeof place;
  memcpy(&place, core->call_states.data + core->call_states.len, sizeof place);
  atomic_store((call_state *)commons_at(place), CALL_QUEUED);
  lua_pushnumber(L, (lua_Number)place);
  return 1;
}

/* core:return_call_state(place): the task has ended, or never began. There is room, for it came from there. */
static int core_return_call_state(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  const block_ref place = (block_ref)luaL_checknumber(L, 2);
  return bytes_append(&core->call_states, &place, sizeof place) ? error_raise_memory(L) : 0;
}

/* core:cancel(place) → true: the task will not begin */
static int core_cancel(lua_State *L) {
  check_core(L, 1);
  uint32_t queued = CALL_QUEUED;
  call_state *state = commons_at((block_ref)luaL_checknumber(L, 2));
  lua_pushboolean(L, atomic_compare_exchange_strong(state, &queued, CALL_CANCELLED));
  return 1;
}

/* core:requeue(place): the task is to be run again */
static int core_requeue(lua_State *L) {
  check_core(L, 1);
  atomic_store((call_state *)commons_at((block_ref)luaL_checknumber(L, 2)), CALL_QUEUED);
  return 0;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static int put_task(lua_State *L, const struct pool_core *core, struct parcel *parcel) {
  const status st = parcel_put(core->tasks, parcel, deadline_never());
  parcel_settle(parcel, st);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)ring_last_number(core->tasks));
  return 1;
}

enum { ARG_MODE = 2, ARG_FLAGS, ARG_TASK, ARG_NUMBER, ARG_PLACE, ARG_CALL_STATE, ARG_REST };

static block_ref optional_place(lua_State *L, int index) { return (block_ref)luaL_optnumber(L, index, 0); }

static struct task_envelope task_envelope(lua_State *L) {
  return (struct task_envelope){.mode = (uint8_t)luaL_checkinteger(L, ARG_MODE),
                                .flags = (uint8_t)luaL_checkinteger(L, ARG_FLAGS),
                                .task = (uint64_t)luaL_checknumber(L, ARG_TASK),
                                .function = (uint64_t)luaL_checknumber(L, ARG_NUMBER),
                                .function_code = (block_ref)luaL_checknumber(L, ARG_PLACE),
                                .call_state = optional_place(L, ARG_CALL_STATE)};
}

/* core:put(mode, flags, task, number, place, call_state or nil, arguments…) → the task's number in the ring,
 * which a claim names */
static int core_put(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  const struct task_envelope envelope = task_envelope(L);
  const int count = lua_gettop(L) - ARG_REST + 1;
  struct parcel parcel;
  parcel_open(&parcel, &envelope, sizeof envelope);
  parcel_pack(L, &parcel, ARG_REST, count > 0 ? count : 0, "argument");
  return put_task(L, core, &parcel);
}

/* core:put_slice(mode, flags, task, number, place, call_state or nil, list, first, last) → number */
static int core_put_slice(lua_State *L) {
  check_core(L, 1);
  lua_settop(L, ARG_REST + 2);
  push_slice(L, ARG_REST);
  for (int i = 0; i < 3; i++) lua_remove(L, ARG_REST);
  return core_put(L);
}

/* core:put_stored(mode, flags, task, number, place, call_state or nil, arguments, skip) → number: what was
 * stored, but for the first items */
static int core_put_stored(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  struct task_envelope envelope = task_envelope(L);
  envelope.arguments = optional_place(L, ARG_REST);
  envelope.skip = (uint32_t)luaL_optinteger(L, ARG_REST + 1, 0);
  struct parcel parcel;
  parcel_open(&parcel, &envelope, sizeof envelope);
  return put_task(L, core, &parcel);
}

/* ---- results --------------------------------------------------------------------------------- */

/* Pushes the values; the message is given back before anything can be done with them. */
static int decode_result(lua_State *L) {
  const struct pool_core *core = lua_touserdata(L, 1);
  return transfer_decode(L, core->message.data + sizeof(struct answer_envelope),
                         core->message.size - sizeof(struct answer_envelope), TRANSFER_TRUSTED);
}

/* task, outcome, first, count, nanoseconds, values…; of values that cannot be decoded the outcome is
 * UNDECODABLE, and the text of the error is the value. */
static int push_result(lua_State *L, struct pool_core *core) {
  struct answer_envelope envelope;
  memcpy(&envelope, core->message.data, sizeof envelope);
  lua_settop(L, 1);
  lua_pushnumber(L, (lua_Number)envelope.task);
  lua_pushinteger(L, envelope.outcome);
  lua_pushinteger(L, (lua_Integer)envelope.first);
  lua_pushinteger(L, (lua_Integer)envelope.count);
  lua_pushnumber(L, (lua_Number)envelope.ns);
  lua_pushcfunction(L, decode_result);
  lua_pushlightuserdata(L, core);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  ring_message_done(&core->message);
  bytes_trim(&core->inbox, 64 * 1024);
  if (failed) {
    lua_pushinteger(L, OUTCOME_UNDECODABLE);
    lua_replace(L, 3);
  }
  return lua_gettop(L) - 1;
}

static int push_reason(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* Two places are for the results and the wake count. */
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

/* core:take(workers, timeout) → task, outcome, first, count, ns, values…; or nil, "timeout"; or nil, "look":
 * see whether they all live. */
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
  watches[wait.also_count++] = (struct futex_watch){&core->wake_count, atomic_load(&core->wake_count)};
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

/* core:claim(worker) → the number of the task in a dead worker's hands, or 0; which item ran, or 0 */
static int core_claim(lua_State *L) {
  const struct pool_core *core = check_core(L, 1);
  ring_settle(core->tasks);
  const struct cell *cell = worker_cell(L, 2);
  lua_pushnumber(L, (lua_Number)atomic_load(&cell->claim));
  lua_pushnumber(L, (lua_Number)atomic_load(&cell->item));
  return 2;
}

/* core:running(worker) → the number of the task in its hands or 0, which item, and how many seconds that has
 * run, as far as the worker looks at the clock */
static int core_running(lua_State *L) {
  check_core(L, 1);
  const struct cell *cell = worker_cell(L, 2);
  lua_pushnumber(L, (lua_Number)atomic_load(&cell->claim));
  lua_pushnumber(L, (lua_Number)atomic_load(&cell->item));
  const int64_t begun = atomic_load(&cell->begun_ns);
  lua_pushnumber(L, begun ? (lua_Number)(clock_now_ns() - begun) / 1e9 : 0);
  return 3;
}

/* core:request_stop(worker, number, item or nil) → true: the worker is at it still, and will begin nothing else.
 * Either way it ends soon. It looks at the word after it has said what it begins; we look at what it said
 * after the word: one of the two sees the other. */
static int core_request_stop(lua_State *L) {
  check_core(L, 1);
  struct cell *cell = worker_cell(L, 2);
  const uint64_t number = (uint64_t)luaL_checknumber(L, 3);
  const uint64_t item = (uint64_t)luaL_optnumber(L, 4, 0);
  atomic_store(&cell->doomed, number);
  lua_pushboolean(L, atomic_load(&cell->claim) == number && (!item || atomic_load(&cell->item) == item));
  return 1;
}

/* core:limit(worker, number) → the last item of the task that it runs, for it begins no other one; nil: it
 * has no such task any more. As with request_stop, one of the two sees the other; an item that was about to begin may
 * not, and comes back with the end of the list. */
static int core_limit(lua_State *L) {
  check_core(L, 1);
  struct cell *cell = worker_cell(L, 2);
  const uint64_t number = (uint64_t)luaL_checknumber(L, 3);
  const uint64_t item = atomic_load(&cell->item);
  if (item == 0 || atomic_load(&cell->claim) != number) return 0;
  atomic_store(&cell->limit, number << CELL_ITEM_BITS | item);
  const uint64_t now = atomic_load(&cell->item);
  if (now == 0 || atomic_load(&cell->claim) != number) return 0;
  lua_pushinteger(L, (lua_Integer)(now > item ? now : item));
  return 1;
}

/* core:recover(worker, number) → first item, results…: what a dead worker had done of the task and not sent,
 * as far as it is known; nothing else */
static int core_recover(lua_State *L) {
  check_core(L, 1);
  const struct journal *j = &worker_cell(L, 2)->journal;
  const uint32_t count = atomic_load(&j->count);
  if (count == 0 || j->task != (uint64_t)luaL_checknumber(L, 3)) return 0;
  size_t at = 0;
  size_t size = 0;
  luaL_checkstack(L, (int)count + 1, "too many results");
  lua_pushinteger(L, (lua_Integer)j->first);
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *entry = journal_next(j, &at, &size);
    if (!entry || !scalar_push(L, entry, size)) return luaL_error(L, "impossible: a torn journal");
  }
  return (int)count + 1;
}

/* core:measures(worker) → calls, seconds busy, seconds since it was ready, start-up seconds,
 * bytes in, bytes out */
static int core_measures(lua_State *L) {
  check_core(L, 1);
  const struct cell *cell = worker_cell(L, 2);
  const int64_t ready = atomic_load(&cell->ready_ns);
  lua_pushinteger(L, (lua_Integer)atomic_load(&cell->items));
  lua_pushnumber(L, (lua_Number)atomic_load(&cell->busy_ns) / 1e9);
  lua_pushnumber(L, ready ? (lua_Number)(clock_now_ns() - ready) / 1e9 : 0);
  lua_pushnumber(L, ready ? (lua_Number)(ready - atomic_load(&cell->made_ns)) / 1e9 : 0);
  lua_pushinteger(L, (lua_Integer)atomic_load(&cell->bytes_in));
  lua_pushinteger(L, (lua_Integer)atomic_load(&cell->bytes_out));
  return 6;
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

/* core:wake(): other threads of this VM that sleep for results, or are about to, look at
 * their futures again. */
static int core_wake(lua_State *L) {
  struct pool_core *core = check_core(L, 1);
  atomic_fetch_add(&core->wake_count, 1);
  futex_wake(&core->wake_count, INT_MAX);
  return 0;
}

/* core:set_timeout(seconds), core:rescue(worker), core:is_worker(): of back ends whose workers are in
 * the parent's VM (lua/pool/backend.lua). Here a worker looks at its own time, what it has done is in the
 * results or in its journal, and none of them can come by this object. */
static int core_nothing(lua_State *L) {
  check_core(L, 1);
  return 0;
}

/* core:waitable() → core */
static int core_waitable(lua_State *L) {
  check_core(L, 1);
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg methods[] = {
    {"add_function", core_add_function},
    {"store", core_store},
    {"store_slice", core_store_slice},
    {"drop", core_drop},
    {"call_state", core_call_state},
    {"return_call_state", core_return_call_state},
    {"cancel", core_cancel},
    {"requeue", core_requeue},
    {"put", core_put},
    {"put_slice", core_put_slice},
    {"put_stored", core_put_stored},
    {"take", core_take},
    {"all_live", core_all_live},
    {"claim", core_claim},
    {"running", core_running},
    {"request_stop", core_request_stop},
    {"limit", core_limit},
    {"recover", core_recover},
    {"measures", core_measures},
    {"close", core_close},
    {"drain", core_drain},
    {"wake", core_wake},
    {"set_timeout", core_nothing},
    {"rescue", core_nothing},
    {"is_worker", core_nothing},
    {"waitable", core_waitable},
    {NULL, NULL},
};

static const struct handle_class class = {"PoolCore", "manymoons.PoolCore", methods, core_gc, NULL};

/* ---- waiting among other things -------------------------------------------------------------- */

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
