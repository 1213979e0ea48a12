/* SPDX-License-Identifier: MIT */
/* The parent's side: putting tasks, taking results, and waiting for a result or a death,
 * whichever is first. */
#include "pool/pool_rings.h"
#include "pool/pool_sources.h"

#include <limits.h>

#include "core/system.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "os/clock.h"
#include "shared/attachments.h"
#include "shared/ring.h"
#include "state/error.h"
#include "state/globals_watch.h"
#include "state/parcel.h"
#include "state/scalar.h"
#include "state/transfer.h"
#include "state/value_path.h"
#include "wire/format.h"
#include "wire/message.h"
#include "worker/start_info.h"
#include "worker/worker.h"
#include "worker/worker_start.h"

struct pool_rings {
  struct pool_sources sources; /* NULL once closed */
  struct ring *results;
  int priority; /* of the task that is put next */
  struct bytes inbox;
  struct ring_message message;
  uint32_t epoch;                 /* of the process that made it; a forked child has a copy */
  uint64_t functions;             /* how many were ever added */
  uint64_t base;                  /* of the task that is put next */
  struct bytes call_states;       /* places of the unused call states (block_ref each) */
  struct bytes call_state_blocks; /* the blocks they are in */
  struct globals_image image;     /* of the workers that start together */
  bool is_deferring;              /* workers may still use what is dropped: */
  struct bytes dropped;           /* places (block_ref each) */
  futex_word wake_count;          /* incremented when a thread took a result that another may await */
};

static const struct handle_class class; /* defined below its methods */

static struct pool_rings *check_rings(lua_State *L, int index) {
  struct pool_rings *rings = class_check(L, index, &class);
  if (!rings->results) luaL_error(L, "Pool: used after close");
  if (rings->epoch != segment_epoch()) luaL_error(L, "Pool: it belongs to the process that forked this one");
  return rings;
}

int pool_rings_new(lua_State *L) {
  after_fork_settle(L);
  struct pool_rings *rings = lua_newuserdata(L, sizeof *rings);
  *rings = (struct pool_rings){.priority = PRIORITY_USUAL};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  globals_watch_push(L);
  lua_setcompanion(L, -2);
  status st = segment_open();
  rings->epoch = segment_epoch();
  if (st == STATUS_OK) st = pool_sources_make(&rings->sources);
  if (st == STATUS_OK) st = ring_make(&rings->results, (struct ring_bounds){0}, RING_GROWS);
  if (st) return return_failure(L, st);
  atomic_store(&rings->results->object.purpose, PURPOSE_RESULTS);
  return 1;
}

int pool_rings_start_worker(lua_State *L) REQUIRES(rank_vm) {
  enum { ARG_RINGS = 3 };
  struct worker_rings refs = {0};
  luaL_checkany(L, ARG_RINGS);
  if (!lua_isnil(L, ARG_RINGS)) {
    struct pool_rings *rings = check_rings(L, ARG_RINGS);
    refs.tasks = segment_object_ref(&rings->sources.tasks->object);
    refs.urgent = segment_object_ref(&rings->sources.urgent->object);
    refs.later = segment_object_ref(&rings->sources.later->object);
    refs.results = segment_object_ref(&rings->results->object);
    refs.image = &rings->image;
  }
  lua_remove(L, ARG_RINGS);
  return worker_start(L, refs);
}

static void release_ring(struct ring **ring) {
  if (*ring) segment_release(&(*ring)->object);
  *ring = NULL;
}

static void free_call_state_blocks(struct pool_rings *rings) {
  const block_ref *blocks = (const block_ref *)(const void *)rings->call_state_blocks.data;
  if (rings->epoch != segment_epoch()) return;
  for (size_t i = 0; i < rings->call_state_blocks.len / sizeof *blocks; i++) segment_free(blocks[i]);
}

static void discard_dropped(const struct pool_rings *rings) {
  const block_ref *places = (const block_ref *)(const void *)rings->dropped.data;
  if (rings->epoch != segment_epoch()) return;
  for (size_t i = 0; i < rings->dropped.len / sizeof *places; i++) attachments_discard(places[i]);
}

/* No worker uses the blocks any more. */
static int rings_release(lua_State *L) {
  struct pool_rings *rings = class_check(L, 1, &class);
  if (rings->results) {
    free_call_state_blocks(rings);
    discard_dropped(rings);
  }
  bytes_fini(&rings->dropped);
  bytes_fini(&rings->call_state_blocks);
  bytes_fini(&rings->call_states);
  bytes_fini(&rings->image.text);
  pool_sources_release(&rings->sources);
  release_ring(&rings->results);
  return 0;
}

/* The workers were collected before, because they were made later, and may still run. */
static int rings_gc(lua_State *L) {
  struct pool_rings *rings = class_check(L, 1, &class);
  if (rings->epoch == segment_epoch()) ring_message_done(&rings->message);
  bytes_fini(&rings->inbox);
  return worker_release_later(L, rings_release) ? 0 : rings_release(L);
}

/* ---- globals that go along ------------------------------------------------------------------- */

/* rings:watch_globals(follows): a worker is about to start. follows: the last one started just before, and no code of
 * the script has run since on this thread. */
static int rings_watch_globals(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  rings->image.is_current = lua_toboolean(L, 2) && vm_of(L)->threads == 1;
  if (rings->image.is_current) return 0;
  lua_settop(L, 1);
  lua_getcompanion(L, 1);
  globals_watch_start(L, 2, (lua_Number)(rings->functions + 1));
  return 0;
}

/* rings:is_current(uses) → whether no global of those that a function uses has changed since it was added */
static int rings_is_current(lua_State *L) {
  check_rings(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_getcompanion(L, 1);
  lua_pushboolean(L, globals_watch_is_current(L, 3, 2));
  return 1;
}

/* (rings, value …) -> the globals that the values use and that go along, or nothing. */
static int find_globals(lua_State *L) {
  const struct pool_rings *rings = check_rings(L, 1);
  const int top = lua_gettop(L);
  lua_getcompanion(L, 1);
  globals_watch_push_uses(L, top + 1, 2, top - 1, (lua_Number)(rings->functions + 1));
  return globals_watch_push_call(L, top + 1, top + 2);
}

/* Pushes the globals that go along with the top `count` values, or nil; or an error, and returns Lua's code. */
static int try_push_globals(lua_State *L, int count) {
  const int first = lua_gettop(L) - count + 1;
  luaL_checkstack(L, count + 4, "too many values to send");
  lua_pushcfunction(L, find_globals);
  lua_pushvalue(L, 1);
  for (int i = 0; i < count; i++) lua_pushvalue(L, first + i);
  return lua_pcall(L, count + 1, 1, 0);
}

/* Whether code in an encoded message may use globals. */
static bool may_use_globals(const struct bytes *text) {
  return message_has_flag(text->data, text->len, FLAG_FUNCTIONS);
}

/* ---- functions and arguments that are kept --------------------------------------------------- */

/* Returns the block, and its place on the stack; nil and why. The values are the top `count`.
 * [-0, +1 or 2, raises] */
static int store(lua_State *L, int count, const char *what, bool has_globals) {
  struct bytes carried;
  const struct bytes *text = transfer_encode(L, lua_gettop(L) - count + 1, count, what);
  const uint64_t size = text->len;
  if (has_globals) message_mark_globals(text->data);
  block_ref block = 0;
  bytes_init(&carried);
  status st = message_refs_list(text->data, text->len, MESSAGE_ALL, &carried);
  const struct object_list list = message_refs_listed(&carried);
  if (st == STATUS_OK) st = attachments_make(&list, sizeof size + text->len, &block);
  if (st == STATUS_OK) {
    memcpy(attachments_text(block), &size, sizeof size);
    memcpy((uint8_t *)attachments_text(block) + sizeof size, text->data, text->len);
  }
  message_refs_discard(text->data, text->len);
  bytes_fini(&carried);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)block);
  return 1;
}

/* rings:add_function(f) → number, place, the names of the globals that it uses. The place is to be given back
 * with drop. */
static int rings_add_function(lua_State *L) {
  enum { FUNCTION = 2, WATCH, USES };
  struct pool_rings *rings = check_rings(L, 1);
  lua_settop(L, FUNCTION);
  lua_getcompanion(L, 1);
  globals_watch_push_uses(L, WATCH, FUNCTION, 1, (lua_Number)(rings->functions + 1));
  lua_pushvalue(L, FUNCTION);
  const bool has_globals = globals_watch_push_call(L, WATCH, USES);
  if (has_globals) globals_watch_join(L, 1, "function");
  if (store(L, 1 + has_globals, "function", has_globals) == 2) return 2;
  lua_pushnumber(L, (lua_Number)++rings->functions);
  lua_insert(L, -2);
  lua_pushvalue(L, USES);
  return 3;
}

/* Stores the top `count` values, with the globals that they use. */
static int store_arguments(lua_State *L, int count, const char *what) {
  const struct bytes *text = transfer_encode(L, lua_gettop(L) - count + 1, count, what);
  const bool may_use = may_use_globals(text);
  message_refs_discard(text->data, text->len);
  if (!may_use) return store(L, count, what, false);
  if (try_push_globals(L, count)) return lua_error(L);
  const bool has_globals = !lua_isnil(L, -1);
  if (has_globals)
    globals_watch_join(L, count, what);
  else
    lua_pop(L, 1);
  return store(L, count + has_globals, what, has_globals);
}

/* rings:store(arguments…) → place */
static int rings_store(lua_State *L) {
  check_rings(L, 1);
  return store_arguments(L, lua_gettop(L) - 1, "argument");
}

/* Pushes how many they are, and a copy of list[first … last]: three arguments from `index` on. Room
 * is made in advance only for items that are there: the list's `n` may promise any number. */
static void push_slice(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TTABLE);
  const int first = (int)luaL_checkinteger(L, index + 1);
  const int last = (int)luaL_checkinteger(L, index + 2);
  const size_t there = lua_rawlen(L, index);
  lua_pushinteger(L, last - first + 1);
  lua_createtable(L, there < (size_t)last ? 0 : last - first + 1, 0);
  for (int i = first; i <= last; i++) {
    lua_pushinteger(L, i);
    lua_gettable(L, index);
    lua_rawseti(L, -2, i - first + 1);
  }
}

/* rings:store_slice(list, first, last) → place: of a task whose list is list[first … last] */
static int rings_store_slice(lua_State *L) {
  check_rings(L, 1);
  push_slice(L, 2);
  return store_arguments(L, 2, PATH_ITEMS);
}

/* rings:drop(place). Objects that a function carried stay alive with its copies in the workers. */
static int rings_drop(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  const block_ref place = (block_ref)luaL_checknumber(L, 2);
  if (!rings->is_deferring)
    attachments_discard(place);
  else if (bytes_append(&rings->dropped, &place, sizeof place))
    error_raise_memory(L);
  return 0;
}

/* rings:defer_drops(): what is dropped from now on is freed at the end, after the workers'. */
static int rings_defer_drops(lua_State *L) {
  check_rings(L, 1)->is_deferring = true;
  return 0;
}

/* ---- call states ----------------------------------------------------------------------------- */

enum { CALL_STATES_IN_A_BLOCK = 1024 };

static status make_call_states(struct pool_rings *rings) {
  block_ref block = 0;
  status st = bytes_reserve(&rings->call_states, CALL_STATES_IN_A_BLOCK * sizeof block);
  if (st == STATUS_OK) st = bytes_reserve(&rings->call_state_blocks, sizeof block);
  if (st == STATUS_OK) st = segment_alloc_vital(CALL_STATES_IN_A_BLOCK * sizeof(call_state), &block);
  if (st == STATUS_OK) st = bytes_append(&rings->call_state_blocks, &block, sizeof block);
  for (int i = CALL_STATES_IN_A_BLOCK - 1; st == STATUS_OK && i >= 0; i--) {
    const block_ref place = block + (block_ref)i * sizeof(call_state);
    st = bytes_append(&rings->call_states, &place, sizeof place);
  }
  return st;
}

/* rings:call_state() → place of one that is queued; nil and why */
static int rings_call_state(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  const status st = rings->call_states.len ? STATUS_OK : make_call_states(rings);
  if (st) return return_failure(L, st);
  block_ref place = 0;
  rings->call_states.len -= sizeof place;
  memcpy(&place, rings->call_states.data + rings->call_states.len, sizeof place);
  atomic_store((call_state *)segment_at(place), CALL_QUEUED);
  lua_pushnumber(L, (lua_Number)place);
  return 1;
}

/* rings:return_call_state(place): the task has ended, or never began. There is room, for it came
 * from there. */
static int rings_return_call_state(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  const block_ref place = (block_ref)luaL_checknumber(L, 2);
  return bytes_append(&rings->call_states, &place, sizeof place) ? error_raise_memory(L) : 0;
}

/* rings:cancel(place) → true: the task will not begin */
static int rings_cancel(lua_State *L) {
  check_rings(L, 1);
  uint32_t queued = CALL_QUEUED;
  call_state *state = segment_at((block_ref)luaL_checknumber(L, 2));
  lua_pushboolean(L, atomic_compare_exchange_strong(state, &queued, CALL_CANCELLED));
  return 1;
}

/* rings:requeue(place): the task is to be run again */
static int rings_requeue(lua_State *L) {
  check_rings(L, 1);
  atomic_store((call_state *)segment_at((block_ref)luaL_checknumber(L, 2)), CALL_QUEUED);
  return 0;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Opens a parcel for the ring of the task's priority. The key, a byte that is less the more urgent the task is, stays
 * until the parcel is settled. */
static void open_task(const struct pool_rings *rings, struct parcel *parcel,
                      const struct task_envelope *envelope) {
  static const uint8_t keys[PRIORITY_MOST + 1] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  parcel_open(parcel, envelope, sizeof *envelope);
  if (rings->priority != PRIORITY_USUAL) parcel_sort(parcel, (struct ring_key){&keys[rings->priority], 1});
}

/* Workers put messages of their own into the ring of tasks, so that its last one need not be this one. */
static int put_task(lua_State *L, const struct pool_rings *rings, struct parcel *parcel) {
  struct ring_receipt receipt;
  parcel->record.receipt = &receipt;
  status st = parcel_put(pool_sources_ring(&rings->sources, rings->priority), parcel, deadline_never());
  parcel_settle(parcel, st);
  if (st == STATUS_OK && rings->priority != PRIORITY_USUAL) st = pool_sources_wake(&rings->sources);
  if (st) return return_failure(L, st);
  lua_pushnumber(L, (lua_Number)receipt.number);
  return 1;
}

enum { ARG_MODE = 2, ARG_FLAGS, ARG_TASK, ARG_NUMBER, ARG_PLACE, ARG_CALL_STATE, ARG_REST };

static block_ref optional_place(lua_State *L, int index) { return (block_ref)luaL_optnumber(L, index, 0); }

static struct task_envelope task_envelope(lua_State *L, const struct pool_rings *rings) {
  return (struct task_envelope){.mode = (uint8_t)luaL_checkinteger(L, ARG_MODE),
                                .flags = (uint8_t)luaL_checkinteger(L, ARG_FLAGS),
                                .task = (uint64_t)luaL_checknumber(L, ARG_TASK),
                                .function = (uint64_t)luaL_checknumber(L, ARG_NUMBER),
                                .function_code = (block_ref)luaL_checknumber(L, ARG_PLACE),
                                .call_state = optional_place(L, ARG_CALL_STATE),
                                .base = rings->base};
}

/* There is code in the arguments: packs them again if globals go along with them. */
static void pack_with_globals(lua_State *L, const struct pool_rings *rings, struct parcel *parcel,
                              const struct task_envelope *envelope, const char *what) {
  const int count = lua_gettop(L) - ARG_REST + 1;
  parcel_keep(parcel);
  const int failed = try_push_globals(L, count);
  if (!failed && lua_isnil(L, -1)) return;
  parcel_settle(parcel, STATUS_CLOSED);
  if (failed) lua_error(L);
  globals_watch_join(L, count, what);
  open_task(rings, parcel, envelope);
  parcel_pack(L, parcel, ARG_REST, count + 1, what);
  message_mark_globals(parcel->text->data);
}

static int put_values(lua_State *L, const char *what) {
  const struct pool_rings *rings = check_rings(L, 1);
  const struct task_envelope envelope = task_envelope(L, rings);
  const int count = lua_gettop(L) - ARG_REST + 1;
  struct parcel parcel;
  open_task(rings, &parcel, &envelope);
  parcel_pack(L, &parcel, ARG_REST, count > 0 ? count : 0, what);
  if (parcel.text && may_use_globals(parcel.text)) pack_with_globals(L, rings, &parcel, &envelope, what);
  return put_task(L, rings, &parcel);
}

/* rings:set_base(base): item i of the task that is put next has the place base + i. */
static int rings_set_base(lua_State *L) {
  check_rings(L, 1)->base = (uint64_t)luaL_checknumber(L, 2);
  return 0;
}

/* rings:set_priority(priority): of the tasks that are put from now on, from 0 to 9. */
static int rings_set_priority(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  const lua_Integer priority = luaL_checkinteger(L, 2);
  luaL_argcheck(L, priority >= 0 && priority <= PRIORITY_MOST, 2, "a priority from 0 to 9 expected");
  rings->priority = (int)priority;
  return 0;
}

/* rings:put(mode, flags, task, number, place, call_state or nil, arguments…) → the task's number in
 * the ring, which a claim names */
static int rings_put(lua_State *L) { return put_values(L, "argument"); }

/* rings:put_slice(mode, flags, task, number, place, call_state or nil, list, first, last) →
 * number */
static int rings_put_slice(lua_State *L) {
  check_rings(L, 1);
  lua_settop(L, ARG_REST + 2);
  push_slice(L, ARG_REST);
  for (int i = 0; i < 3; i++) lua_remove(L, ARG_REST);
  return put_values(L, PATH_ITEMS);
}

/* rings:put_stored(mode, flags, task, number, place, call_state or nil, arguments, skip) → number:
 * stored arguments without the first items */
static int rings_put_stored(lua_State *L) {
  const struct pool_rings *rings = check_rings(L, 1);
  struct task_envelope envelope = task_envelope(L, rings);
  envelope.arguments = optional_place(L, ARG_REST);
  envelope.skip = (uint32_t)luaL_optinteger(L, ARG_REST + 1, 0);
  struct parcel parcel;
  open_task(rings, &parcel, &envelope);
  return put_task(L, rings, &parcel);
}

/* ---- results --------------------------------------------------------------------------------- */

/* Pushes the values; the message is done before the caller gets them. */
static int decode_result(lua_State *L) {
  const struct pool_rings *rings = lua_touserdata(L, 1);
  return transfer_decode(L, rings->message.data + sizeof(struct answer_envelope),
                         rings->message.size - sizeof(struct answer_envelope));
}

/* task, outcome, first, count, nanoseconds, values…; of values that cannot be decoded the outcome
 * is UNDECODABLE, and the text of the error is the value. */
static int push_result(lua_State *L, struct pool_rings *rings) {
  struct answer_envelope envelope;
  memcpy(&envelope, rings->message.data, sizeof envelope);
  lua_settop(L, 1);
  lua_pushnumber(L, (lua_Number)envelope.task);
  lua_pushinteger(L, envelope.outcome);
  lua_pushinteger(L, (lua_Integer)envelope.first);
  lua_pushinteger(L, (lua_Integer)envelope.count);
  lua_pushnumber(L, (lua_Number)envelope.ns);
  lua_pushcfunction(L, decode_result);
  lua_pushlightuserdata(L, rings);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  ring_message_done(&rings->message);
  bytes_trim(&rings->inbox, 64 * 1024);
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
/* How long to sleep while no word says that a worker died. */
static const double look_seconds = 0.1;

/* The words that change when one of the workers dies; `is_partial`: not for all of them, so that the
 * caller looks again now and then. */
struct watched_workers {
  struct futex_watch watches[FUTEX_WATCH_MAX];
  size_t count;
  bool is_partial;
};

/* False: one of the workers in the list has died already. */
static bool watch_workers(lua_State *L, int list, struct watched_workers *w) {
  const int workers = (int)lua_rawlen(L, list);
  w->count = 0;
  w->is_partial = workers > WATCHED_WORKERS_MAX;
  for (int i = 1; i <= workers; i++) {
    struct futex_watch watch;
    lua_rawgeti(L, list, i);
    const enum worker_watched watched = worker_watch(L, -1, &watch);
    lua_pop(L, 1);
    if (watched == WORKER_HAS_DIED) return false;
    if (watched == WORKER_IS_WATCHED_AT_TIMES) w->is_partial = true;
    if (w->count < WATCHED_WORKERS_MAX) w->watches[w->count++] = watch;
  }
  return true;
}

/* rings:take(workers, timeout) → task, outcome, first, count, ns, values…; or nil, "timeout"; or
 * nil, "check": a worker may have died. */
static int rings_take(lua_State *L) REQUIRES(rank_vm) {
  struct pool_rings *rings = check_rings(L, 1);
  const deadline until = argument_timeout(L, 3);
  ring_message_done(&rings->message);
  status st = ring_take(rings->results, &rings->inbox, &rings->message, deadline_now());
  if (st == STATUS_OK) trace_take(rings->results, &rings->message);
  if (st == STATUS_OK) return push_result(L, rings);
  if (st != STATUS_EMPTY) return return_failure(L, st);
  if (deadline_is_now(until)) return push_reason(L, "timeout");
  struct watched_workers workers;
  if (!watch_workers(L, 2, &workers)) return push_reason(L, "check");
  workers.watches[workers.count++] =
      (struct futex_watch){&rings->wake_count, atomic_load(&rings->wake_count)};
  const struct ring_wait wait = {.also = workers.watches, .also_count = workers.count};
  const deadline slice = workers.is_partial ? deadline_earlier(until, deadline_after(look_seconds)) : until;
  trace_call_next(TRACE_CALL_RESULT);
  vm_leave(vm_of(L));
  st = ring_wait_readable(rings->results, &wait, slice);
  vm_return(L, vm_of(L));
  raise_if_stopped(L, st);
  st = ring_take(rings->results, &rings->inbox, &rings->message, deadline_now());
  if (st == STATUS_OK) trace_take_again(rings->results, &rings->message);
  if (st == STATUS_OK) return push_result(L, rings);
  return push_reason(L, deadline_passed(until) ? "timeout" : "check");
}

/* rings:all_live(workers) → whether none has died, from their statuses and locks, without a system
 * call */
static int rings_all_live(lua_State *L) {
  struct watched_workers workers;
  check_rings(L, 1);
  lua_pushboolean(L, watch_workers(L, 2, &workers));
  return 1;
}

/* rings:claim(worker) → the number of the task that a dead worker had claimed, or 0; the item that
 * ran, or 0 */
static int rings_claim(lua_State *L) {
  const struct pool_rings *rings = check_rings(L, 1);
  ring_settle(rings->sources.urgent);
  ring_settle(rings->sources.tasks);
  ring_settle(rings->sources.later);
  const struct worker_status *worker_status = worker_status_at(L, 2);
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_status->claim));
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_status->item));
  return 2;
}

/* rings:running(worker) → the number of the claimed task or 0, the running item, and its seconds so
 * far, as exact as the worker's own readings of the clock */
static int rings_running(lua_State *L) {
  check_rings(L, 1);
  const struct worker_status *worker_status = worker_status_at(L, 2);
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_status->claim));
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_status->item));
  const int64_t begun = atomic_load(&worker_status->begun_ns);
  lua_pushnumber(L, begun ? (lua_Number)(clock_now_ns() - begun) / 1e9 : 0);
  return 3;
}

/* rings:request_stop(worker, number, item or nil) → true: the worker still runs it, and begins
 * nothing else. In either case the worker ends soon. The worker publishes what it begins and
 * then reads `stop_requested`; this function sets `stop_requested` and then reads what was published: one of
 * them sees the other. */
static int rings_request_stop(lua_State *L) {
  check_rings(L, 1);
  struct worker_status *worker_status = worker_status_at(L, 2);
  const uint64_t number = (uint64_t)luaL_checknumber(L, 3);
  const uint64_t item = (uint64_t)luaL_optnumber(L, 4, 0);
  atomic_store(&worker_status->stop_requested, number);
  lua_pushboolean(L, atomic_load(&worker_status->claim) == number &&
                         (!item || atomic_load(&worker_status->item) == item));
  return 1;
}

/* rings:request_leave(worker): the worker ends when it has done what it runs. One that is about to sleep may need the
 * time between two looks of an idle worker. */
static int rings_request_leave(lua_State *L) {
  const struct pool_rings *rings = check_rings(L, 1);
  atomic_store(&worker_status_at(L, 2)->leave_requested, 1);
  ring_wake_all(rings->sources.tasks);
  return 0;
}

/* rings:limit(worker, number) → the last item of the task that it runs, for it begins no other one;
 * nil: it has no such task any more. As with request_stop, one of the two sees the other; an item
 * that was about to begin may not, and comes back with the end of the list. */
static int rings_limit(lua_State *L) {
  check_rings(L, 1);
  struct worker_status *worker_status = worker_status_at(L, 2);
  const uint64_t number = (uint64_t)luaL_checknumber(L, 3);
  const uint64_t item = atomic_load(&worker_status->item);
  if (item == 0 || atomic_load(&worker_status->claim) != number) return 0;
  atomic_store(&worker_status->limit, number << WORKER_STATUS_ITEM_BITS | item);
  const uint64_t now = atomic_load(&worker_status->item);
  if (now == 0 || atomic_load(&worker_status->claim) != number) return 0;
  lua_pushinteger(L, (lua_Integer)(now > item ? now : item));
  return 1;
}

/* rings:recover(worker, number) → first item, results…: results of the task that a dead worker had
 * noted and not sent; or nothing */
static int rings_recover(lua_State *L) {
  check_rings(L, 1);
  const struct result_journal *j = &worker_status_at(L, 2)->result_journal;
  const uint32_t count = atomic_load(&j->count);
  if (count == 0 || j->task != (uint64_t)luaL_checknumber(L, 3)) return 0;
  size_t at = 0;
  size_t size = 0;
  luaL_checkstack(L, (int)count + 1, "too many results");
  lua_pushinteger(L, (lua_Integer)j->first);
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *entry = result_journal_next(j, &at, &size);
    if (!entry || !scalar_push(L, entry, size)) return luaL_error(L, "impossible: a torn journal");
  }
  return (int)count + 1;
}

/* rings:measures(worker) → calls, seconds busy, seconds since it was ready, start-up seconds,
 * bytes in, bytes out */
static int rings_measures(lua_State *L) {
  check_rings(L, 1);
  const struct worker_status *worker_status = worker_status_at(L, 2);
  const int64_t ready = atomic_load(&worker_status->ready_ns);
  lua_pushinteger(L, (lua_Integer)atomic_load(&worker_status->items));
  lua_pushnumber(L, (lua_Number)atomic_load(&worker_status->busy_ns) / 1e9);
  lua_pushnumber(L, ready ? (lua_Number)(clock_now_ns() - ready) / 1e9 : 0);
  lua_pushnumber(L, ready ? (lua_Number)(ready - atomic_load(&worker_status->made_ns)) / 1e9 : 0);
  lua_pushinteger(L, (lua_Integer)atomic_load(&worker_status->bytes_in));
  lua_pushinteger(L, (lua_Integer)atomic_load(&worker_status->bytes_out));
  return 6;
}

/* rings:close(): no more tasks; the workers end when they have done the remaining ones. */
static int rings_close(lua_State *L) {
  ring_close(check_rings(L, 1)->sources.tasks);
  return 0;
}

/* rings:drain(): throws away the tasks that no worker has taken. */
static int rings_drain(lua_State *L) {
  const struct pool_sources *s = &check_rings(L, 1)->sources;
  message_refs_drain(s->urgent);
  message_refs_drain(s->tasks);
  message_refs_drain(s->later);
  return 0;
}

/* rings:wake(): makes other threads of this VM that sleep for results, or are about to, check their
 * futures again. */
static int rings_wake(lua_State *L) {
  struct pool_rings *rings = check_rings(L, 1);
  atomic_fetch_add(&rings->wake_count, 1);
  futex_wake(&rings->wake_count, INT_MAX);
  return 0;
}

/* rings:set_timeout(seconds), rings:rescue(worker, make_error), rings:as_worker(pool), rings:end_forks(make_error),
 * rings:next_place(): needed only by backends whose workers are in the parent's VM (pool/backend.lua). Here the parent stops a call that
 * takes too long, a worker's results are in the ring or in its journal, and no worker has this
 * object. */
static int rings_nothing(lua_State *L) {
  check_rings(L, 1);
  return 0;
}

/* rings:waitable() → rings */
static int rings_waitable(lua_State *L) {
  check_rings(L, 1);
  lua_settop(L, 1);
  return 1;
}

static const luaL_Reg methods[] = {
    {"watch_globals", rings_watch_globals},
    {"is_current", rings_is_current},
    {"add_function", rings_add_function},
    {"store", rings_store},
    {"store_slice", rings_store_slice},
    {"drop", rings_drop},
    {"defer_drops", rings_defer_drops},
    {"call_state", rings_call_state},
    {"return_call_state", rings_return_call_state},
    {"cancel", rings_cancel},
    {"requeue", rings_requeue},
    {"set_base", rings_set_base},
    {"set_priority", rings_set_priority},
    {"put", rings_put},
    {"put_slice", rings_put_slice},
    {"put_stored", rings_put_stored},
    {"take", rings_take},
    {"all_live", rings_all_live},
    {"claim", rings_claim},
    {"running", rings_running},
    {"request_stop", rings_request_stop},
    {"request_leave", rings_request_leave},
    {"limit", rings_limit},
    {"recover", rings_recover},
    {"measures", rings_measures},
    {"drain", rings_drain},
    {"wake", rings_wake},
    {"set_timeout", rings_nothing},
    {"rescue", rings_nothing},
    {"as_worker", rings_nothing},
    {"end_forks", rings_nothing},
    {"next_place", rings_nothing},
    {"waitable", rings_waitable},
    {NULL, NULL},
};

static bool rings_is_ready(lua_State *L, int index) {
  const struct pool_rings *rings = lua_touserdata(L, index);
  return !rings->results || ring_is_readable(rings->results);
}

static bool rings_watch(lua_State *L, int index, waker_set wakers) {
  const struct pool_rings *rings = lua_touserdata(L, index);
  return !rings->results || ring_watch(rings->results, wakers);
}

static const struct waitable waitable = {rings_is_ready, rings_watch, NULL};

static const struct handle_class class = {.name = "PoolRings",
                                          .key = "manymoons.PoolRings",
                                          .methods = methods,
                                          .close = rings_close,
                                          .collect = rings_gc,
                                          .waitable = &waitable};
