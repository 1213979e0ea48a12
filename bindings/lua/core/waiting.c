/* SPDX-License-Identifier: MIT */
#include "core/waiting.h"

#include <errno.h>

#include "core/settings.h"
#include "os/clock.h"
#include "os/ready.h"
#include "state/caller.h"
#include "state/coroutines.h"
#include "state/raise.h"
#include "state/sampler.h"
#include "state/vm_interrupt.h"
#include "state/weak_table.h"
#include "state/yieldable.h"

/* Keys of the registry. */
#define WAIT_MAINTENANCE "manymoons.maintenance"
#define WAIT_CALLS_BACK  "manymoons.calls_back"
#define WAIT_PAUSER      "manymoons.pauser"
#define WAIT_REFUSAL     "manymoons.refusal" /* what the pauser raised, until raise_if_stopped */

/* A stop whose signal came just before the sleep is seen after a slice. */
static const double slice_seconds = 0.25;
static const double maintained_slice_seconds = 0.05;
/* Between two looks of a wait beside which tasks run. */
static const double first_pause_seconds = 50e-6;
static const double pause_seconds = 0.01;

static bool push_maintenance(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_MAINTENANCE);
  if (lua_isfunction(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static deadline slice_end(lua_State *L, deadline until) {
  const bool is_maintained = push_maintenance(L);
  if (is_maintained) lua_pop(L, 1);
  return deadline_earlier(until, deadline_after(is_maintained ? maintained_slice_seconds : slice_seconds));
}

enum maintenance { MAINTAIN_ALL, MAINTAIN_BARS };

/* Whether a pool did something, or will when a time has come. */
static bool maintain(lua_State *L, enum maintenance what) {
  if (!push_maintenance(L)) return false;
  vm_of(L)->maintained_ns = clock_now_ns();
  lua_pushboolean(L, what == MAINTAIN_BARS);
  const bool is_active = lua_pcall(L, 1, 1, 0) || lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_active;
}

/* A script may wait for a moment only, again and again. */
static void maintain_bars_if_due(lua_State *L) {
  const bool is_maintained = push_maintenance(L);
  if (is_maintained) lua_pop(L, 1);
  if (is_maintained && clock_now_ns() - vm_of(L)->maintained_ns > (int64_t)(maintained_slice_seconds * 1e9))
    maintain(L, MAINTAIN_BARS);
}

/* One wait: what is asked, again and again, and what ends it. */
struct wait {
  enum trace_call call;
  wait_attempt attempt;
  void *context;
  deadline until;
  const bool *is_closed;        /* NULL: nothing that can be closed */
  struct endless_wait *endless; /* NULL: it ends by itself, or by something outside of this program */
  bool needs_others;            /* it never ends where nothing else of the VM runs */
};

static bool is_over(const struct wait *w) { return w->is_closed && *w->is_closed; }

/* What an attempt's end means for the wait. STATUS_EMPTY: it goes on. */
static status judge(lua_State *L, struct vm *vm, const struct wait *w, status st) REQUIRES(rank_vm) {
  if (st != STATUS_TIMEOUT && st != STATUS_INTERRUPTED) return st;
  if (vm_must_stop(vm)) return STATUS_INTERRUPTED;
  if (is_over(w)) return STATUS_CLOSED;
  if (st == STATUS_TIMEOUT && deadline_passed(w->until)) return STATUS_TIMEOUT;
  if (maintain(L, MAINTAIN_ALL) && w->endless) endless_wait_end(w->endless);
  if (is_over(w)) return STATUS_CLOSED;
  if (w->needs_others && waiting_is_alone(L)) return STATUS_DEADLOCK;
  return w->endless && st == STATUS_TIMEOUT && endless_wait_look(L, w->endless) ? STATUS_DEADLOCK
                                                                                : STATUS_EMPTY;
}

static status sleep_in_slices(lua_State *L, struct vm *vm, const struct wait *w) REQUIRES(rank_vm) {
  maintain_bars_if_due(L);
  for (;;) {
    const deadline slice = slice_end(L, w->until);
    if (w->endless) endless_wait_begin_look(w->endless);
    trace_call_next(w->call);
    atomic_store_explicit(&vm_self(vm)->call, w->call, memory_order_relaxed);
    vm_leave(vm);
    status st = w->attempt(w->context, slice);
    vm_return(L, vm);
    atomic_store_explicit(&vm_self(vm)->call, TRACE_CALL_NONE, memory_order_relaxed);
    sampler_follow(L, vm);
    st = judge(L, vm, w, st);
    if (st != STATUS_EMPTY) return st;
  }
}

/* In a VM that runs in its program's own loop the wait looks once in each poll, and the program, which may end it, goes on
 * between two. */
static status look_in_each_poll(lua_State *L, struct vm *vm, struct wait w) REQUIRES(rank_vm) {
  w.endless = NULL;
  for (;;) {
    vm_leave(vm);
    status st = w.attempt(w.context, deadline_now());
    vm_return(L, vm);
    if (st == STATUS_EMPTY || st == STATUS_FULL) st = STATUS_TIMEOUT; /* a ring's words for one look */
    st = judge(L, vm, &w, st);
    if (st != STATUS_EMPTY) return st;
    (void)vm_wait_for_poll(L, vm);
  }
}

/* The thread says what it waits for, so that waiting_close can wake it. Maintenance may wait as well. */
static status sleep_as_thread(lua_State *L, const struct wait *w) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  struct vm_thread *self = vm_self(vm);
  const void *before = self->waits_for;
  if (vm_pauses(vm)) return look_in_each_poll(L, vm, *w);
  self->waits_for = w->is_closed;
  self->waiter = thread_self();
  const status st = sleep_in_slices(L, vm, w);
  if (w->endless) endless_wait_end(w->endless);
  self->waits_for = before;
  return st;
}

/* IN_ENDLESS and AGAIN: of a wait that only the program ends; AGAIN: since its last pause it tried alone, and no code of
 * the script ran. */
enum pause_use { PAUSE_ONCE, PAUSE_IN_ENDLESS, PAUSE_AGAIN };

/* False: it raised; the error is kept. */
static bool pause_for(lua_State *L, double seconds, enum pause_use use) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_PAUSER);
  lua_pushnumber(L, seconds);
  lua_pushboolean(L, use != PAUSE_ONCE);
  lua_pushboolean(L, use == PAUSE_AGAIN);
  if (lua_pcall(L, 3, 0, 0) == 0) return true;
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  return false;
}

/* Whether a wait may run code of the script, by a pool. */
static bool calls_back(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_CALLS_BACK);
  const bool calls_back = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return calls_back;
}

/* Tasks of this thread run between two looks. */
static status look_and_pause(lua_State *L, const struct wait *w, bool is_endless) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (deadline_is_now(w->until) && !pause_for(L, 0, PAUSE_ONCE)) return -EDEADLK;
  enum pause_use use = PAUSE_ONCE;
  for (double pause = first_pause_seconds;; pause = pause * 2 < pause_seconds ? pause * 2 : pause_seconds) {
    trace_call_next(w->call);
    vm_leave(vm);
    status st = w->attempt(w->context, deadline_now());
    vm_return(L, vm);
    if (st == STATUS_EMPTY || st == STATUS_FULL) st = STATUS_TIMEOUT; /* a ring's words for one look */
    st = judge(L, vm, w, st);
    if (st != STATUS_EMPTY) return st;
    const bool stands = is_endless && !calls_back(L);
    use = !stands ? PAUSE_ONCE : use == PAUSE_ONCE ? PAUSE_IN_ENDLESS : PAUSE_AGAIN;
    if (!pause_for(L, pause, use)) return -EDEADLK;
    if (is_over(w)) return STATUS_CLOSED;
  }
}

/* Before a deadline no wait is endless; those of a thread with tasks are its loop's. */
static status run_wait(lua_State *L, struct wait *w) REQUIRES(rank_vm) {
  const bool has_tasks = vm_self(vm_of(L))->has_tasks;
  const bool is_endless = w->endless && deadline_is_never(w->until);
  if (has_tasks || !is_endless) w->endless = NULL;
  return has_tasks ? look_and_pause(L, w, is_endless) : sleep_as_thread(L, w);
}

status wait_in_handle(lua_State *L, const bool *is_closed, enum trace_call call, wait_attempt attempt,
                      void *context, deadline until) {
  struct wait w = {call, attempt, context, until, is_closed, NULL, false};
  return run_wait(L, &w);
}

status wait_in_program(lua_State *L, const bool *is_closed, enum trace_call call, wait_attempt attempt,
                       void *context, deadline until) {
  struct endless_wait e;
  endless_wait_init(&e, WAIT_FOR_EVENT);
  struct wait w = {call, attempt, context, until, is_closed, &e, false};
  return run_wait(L, &w);
}

status wait_for_end(lua_State *L, struct endless_wait *e, enum trace_call call, wait_attempt attempt,
                    void *context, deadline until) {
  struct wait w = {call, attempt, context, until, NULL, e, false};
  return run_wait(L, &w);
}

status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context, deadline until) {
  return wait_in_handle(L, NULL, call, attempt, context, until);
}

status wait_for_tasks(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                      deadline until) {
  const struct wait w = {call, attempt, context, until, NULL, NULL, false};
  return sleep_as_thread(L, &w);
}

status wait_for_other_threads(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                              deadline until) {
  const bool is_endless = deadline_is_never(until);
  if (is_endless && waiting_is_alone(L)) return STATUS_DEADLOCK;
  struct endless_wait e;
  endless_wait_init(&e, WAIT_FOR_EVENT);
  const struct wait w = {call, attempt, context, until, NULL, is_endless ? &e : NULL, is_endless};
  return sleep_as_thread(L, &w);
}

/* ---- descriptors, and system calls without one ----------------------------------------------- */

static const char descriptor_key = 'd'; /* its address is the key of the registry */

/* The caller's stack is left as it stands (async/fibers.lua). */
static status suspend_for(lua_State *L, int descriptor, enum waiting_for what) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &descriptor_key);
  lua_pushinteger(L, descriptor);
  lua_pushboolean(L, what == WAITING_TO_WRITE);
  if (lua_pcall(L, 2, 0, 0) == 0) return STATUS_OK;
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  return -EDEADLK;
}

static status attempt_ready(void *context, deadline until) { return ready_wait(context, 1, until); }

status waiting_descriptor(lua_State *L, const bool *is_closed, enum trace_call call, int descriptor,
                          enum waiting_for what) {
  struct ready watch = what == WAITING_TO_WRITE ? ready_watch_writable(descriptor) : ready_watch(descriptor);
  if (!waiting_has_tasks(L))
    return wait_in_handle(L, is_closed, call, attempt_ready, &watch, deadline_never());
  if (ready_wait(&watch, 1, deadline_now()) == STATUS_OK) return STATUS_OK;
  const status st = suspend_for(L, descriptor, what);
  if (st) return st;
  if (vm_must_stop(vm_of(L))) return STATUS_INTERRUPTED;
  return is_closed && *is_closed ? STATUS_CLOSED : STATUS_OK;
}

bool waiting_has_tasks(lua_State *L) { return vm_self(vm_of(L))->has_tasks; }

void waiting_leave(lua_State *L, enum trace_call call, void (*work)(void *), void *context) {
  struct vm *vm = vm_of(L);
  trace_call_next(call);
  atomic_store_explicit(&vm_self(vm)->call, call, memory_order_relaxed);
  vm_leave(vm);
  work(context);
  vm_return(L, vm);
  atomic_store_explicit(&vm_self(vm)->call, TRACE_CALL_NONE, memory_order_relaxed);
  sampler_follow(L, vm);
}

void raise_if_stopped(lua_State *L, status st) {
  struct vm *vm = vm_of(L);
  if (st == STATUS_INTERRUPTED && vm_must_stop(vm)) vm_raise_stop(L, vm);
  if (st != -EDEADLK) return;
  lua_getfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_REFUSAL);
  if (lua_isnil(L, -1))
    lua_pop(L, 1);
  else
    lua_error(L);
}

status waiting_try_turn(lua_State *L) {
  if (!vm_self(vm_of(L))->has_tasks) return STATUS_EMPTY;
  return pause_for(L, 0, PAUSE_ONCE) ? STATUS_OK : -EDEADLK;
}

void waiting_give_turn(lua_State *L) { raise_if_stopped(L, waiting_try_turn(L)); }

/* What waiting_set_busy kept for the calling thread. */
static void push_scheduler(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &vm_self(vm_of(L))->has_tasks); }

/* Whether the thread has a task beside the caller. */
static bool has_other_tasks(lua_State *L) {
  const struct vm_thread *self = vm_self(vm_of(L));
  if (!self->has_tasks) return false;
  push_scheduler(L);
  lua_getfield(L, -1, "live");
  const lua_Integer live = lua_tointeger(L, -1);
  lua_pop(L, 2);
  return live > (self->task ? 1 : 0);
}

bool waiting_is_endless(lua_State *L, deadline until) {
  return deadline_is_never(until) && !has_other_tasks(L);
}

void refuse_endless_wait(lua_State *L, deadline until, const char *method) {
  if (!waiting_is_endless(L, until)) return;
  lua_pushfstring(L, "%s would wait for ever in the serial world", method);
  raise_kind(L, "deadlock");
}

/* A daemon may wait for ever: the end of its parent ends it. */
static bool is_daemon(lua_State *L) {
  settings_push(L);
  bool is_daemon = false;
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "daemon");
    is_daemon = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return is_daemon;
}

bool waiting_is_alone(lua_State *L) {
  struct vm *vm = vm_of(L);
  return vm->threads == 1 && !vm_self(vm)->has_tasks && !is_daemon(L) && !calls_back(L);
}

void waiting_refuse_alone(lua_State *L, const char *method, const char *class) {
  lua_pushfstring(L, "%s would wait for ever: nobody else has the %s", method, class);
  raise_kind(L, "deadlock");
}

/* ---- methods that may wait ------------------------------------------------------------------- */

/* Their addresses are keys of the registry. */
static const char begin_key = 'b', wake_key = 'w', close_key = 'c';

static const char *const way_names[WAIT_WAYS] = {
#define WAY(number, name) [WAIT_##number] = (name),
#include "core/waiting_ways.def"
#undef WAY
};

bool waiting_as_task(lua_State *L, deadline until) {
  return vm_self(vm_of(L))->has_tasks && !deadline_passed(until);
}

static bool can_yield(lua_State *L) { return vm_self(vm_of(L))->task == L && yieldable(L); }

static void push_due(lua_State *L, deadline until) {
  if (deadline_is_never(until))
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)until.ns * 1e-9); /* as system_time */
}

/* AGAIN: the method has waited, and since then it tried alone: no code of the script ran. */
enum waiting_turn { WAITING_FIRST, WAITING_AGAIN };

/* True: the calling task is a waiter, and what it has to yield is on top. False: the method should
 * try again. `would` is what the method returned. [-0, +0|1, raises] */
static bool begin_wait(lua_State *L, int would, deadline until, enum waiting_turn turn) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &begin_key);
  push_scheduler(L);
  lua_pushvalue(L, 1);
  lua_pushstring(L, way_names[-1 - would]);
  push_due(L, until);
  lua_pushboolean(L, can_yield(L));
  lua_pushboolean(L, turn == WAITING_AGAIN);
  lua_call(L, 6, 1);
  if (lua_toboolean(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static int suspend(lua_State *L, waiting_method method, deadline until, int would, enum waiting_turn turn)
    REQUIRES(rank_vm);

int waiting_suspend(lua_State *L, waiting_method method, deadline until, int would) {
  return suspend(L, method, until, would, WAITING_FIRST);
}

/* waiting_run, for a method whose wait is over. */
static int try_again(lua_State *L, waiting_method method, deadline until) REQUIRES(rank_vm) {
  const int count = method(L, until);
  return count >= 0 ? count : suspend(L, method, until, count, WAITING_AGAIN);
}

#if LUA_HAS_CONTINUATIONS

enum { UNTIL = WAITING_ARGUMENTS + 1 };

static int go_on(lua_State *L, int state, lua_KContext method);

/* The context of a continuation has the size of a pointer: the method; the deadline stands above
 * the arguments. */
static int suspend(lua_State *L, waiting_method method, deadline until, int would, enum waiting_turn turn)
    REQUIRES(rank_vm) {
  int count = would;
  for (; count < 0; turn = WAITING_AGAIN) {
    lua_settop(L, WAITING_ARGUMENTS);
    lua_pushinteger(L, until.ns);
    if (begin_wait(L, count, until, turn)) return lua_yieldk(L, 1, (lua_KContext)method, go_on);
    lua_settop(L, WAITING_ARGUMENTS);
    count = method(L, until);
  }
  return count;
}

static int go_on(lua_State *L, int state, lua_KContext method) NO_THREAD_SAFETY_ANALYSIS {
  (void)state;
  const deadline until = {lua_tointeger(L, UNTIL)};
  lua_settop(L, WAITING_ARGUMENTS);
  return try_again(L, (waiting_method)method, until);
}

void waiting_wrap_method(lua_State *L, enum waiting_arguments arguments) {
  (void)L;
  (void)arguments;
}

#else

/* Around a method of three arguments at most, or around one that counts its arguments. `method`
 * returns `again`, and what to yield and the rest of its state, where it would wait. */
static const char wrappers[] =
    "local again, retry, yield = ...\n"
    "local function go_on(a, b, c, x, y, z, body, kept)\n"
    "  while x == again do\n"
    "    yield(y)\n"
    "    x, y, z, body, kept = retry(body, z, a, b, c, kept)\n"
    "  end\n"
    "  if y == nil then return x end\n"
    "  if z == nil then return x, y end\n"
    "  return x, y, z\n"
    "end\n"
    "return function(method)\n"
    "  return function(a, b, c)\n"
    "    local x, y, z, body, kept = method(a, b, c)\n"
    "    if y == nil then return x end\n"
    "    return go_on(a, b, c, x, y, z, body, kept)\n"
    "  end\n"
    "end, function(method)\n"
    "  return function(...)\n"
    "    local x, y, z, body, kept = method(...)\n"
    "    if y == nil then return x end\n"
    "    local a, b, c = ...\n"
    "    return go_on(a, b, c, x, y, z, body, kept)\n"
    "  end\n"
    "end\n";

static const char again = 'a', makers_key = 'm'; /* their addresses; never written */

static lua_Number number_of(deadline until) {
  return deadline_is_never(until) ? HUGE_VAL : (lua_Number)until.ns;
}

static deadline deadline_of(lua_Number ns) {
  return ns == HUGE_VAL ? deadline_never() : (deadline){(int64_t)ns};
}

/* What to yield is on top of the arguments. */
static int push_state(lua_State *L, waiting_method method, deadline until) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&again);
  lua_insert(L, -2);
  lua_pushnumber(L, number_of(until));
  lua_pushlightuserdata(L, (void *)(uintptr_t)method);
  lua_pushvalue(L, WAITING_ARGUMENTS);
  return 5;
}

static int suspend(lua_State *L, waiting_method method, deadline until, int would, enum waiting_turn turn)
    REQUIRES(rank_vm) {
  int count = would;
  for (; count < 0; turn = WAITING_AGAIN) {
    lua_settop(L, WAITING_ARGUMENTS);
    if (begin_wait(L, count, until, turn)) return push_state(L, method, until);
    count = method(L, until);
  }
  return count;
}

/* retry(body, deadline, the arguments) */
static int retry(lua_State *L) REQUIRES(rank_vm) {
  const waiting_method method = (waiting_method)(uintptr_t)lua_touserdata(L, 1);
  const deadline until = deadline_of(lua_tonumber(L, 2));
  lua_remove(L, 1);
  lua_remove(L, 1);
  return try_again(L, method, until);
}

static int yield(lua_State *L) { return lua_yield(L, lua_gettop(L)); }

/* The two functions that `wrappers` returns, in a table of the registry. [-0, +1, memory] */
static void push_makers(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &makers_key);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  lua_createtable(L, 2, 0);
  if (luaL_loadbuffer(L, wrappers, sizeof wrappers - 1, WAITING_CHUNK)) lua_error(L);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&again);
  lua_pushcfunction(L, retry);
  lua_pushcfunction(L, yield);
  lua_call(L, 3, 2);
  lua_rawseti(L, -3, 1 + WAITING_COUNTED);
  lua_rawseti(L, -2, 1 + WAITING_FIXED);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &makers_key);
}

void waiting_wrap_method(lua_State *L, enum waiting_arguments arguments) {
  push_makers(L);
  lua_rawgeti(L, -1, 1 + (int)arguments);
  lua_remove(L, -2);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
}

#endif

void waiting_set_methods(lua_State *L, const struct waiting_entry *methods, const char *class) {
  for (; methods->name; methods++) {
    caller_push_function(L, methods->function, class, methods->name);
    waiting_wrap_method(L, methods->arguments);
    lua_setfield(L, -2, methods->name);
  }
}

/* ---- iterators ------------------------------------------------------------------------------- */

static const char iterator_maker[] =
    "return function(method, handle)\n"
    "  return function() return method(handle) end\n"
    "end\n";

static const char iterators_key = 'i'; /* of a table: iterator → its handle, and MAKER → the maker */
enum { MAKER = 1 };

/* The table, whose keys are weak. [-0, +1, memory] */
static void push_iterators(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &iterators_key);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  weak_table_push(L, "k", 0);
  if (luaL_loadbuffer(L, iterator_maker, sizeof iterator_maker - 1, WAITING_CHUNK)) lua_error(L);
  lua_call(L, 0, 1);
  lua_rawseti(L, -2, MAKER);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &iterators_key);
}

void waiting_push_iterator(lua_State *L, lua_CFunction method) {
  push_iterators(L);
  lua_rawgeti(L, -1, MAKER);
  lua_pushcfunction(L, method);
  waiting_wrap_method(L, WAITING_FIXED);
  lua_pushvalue(L, 1);
  lua_call(L, 2, 1);
  lua_pushvalue(L, -1);
  lua_pushvalue(L, 1);
  lua_rawset(L, -4);
  lua_remove(L, -2);
}

bool waiting_wake(lua_State *L, int index, enum wait_way way, enum wait_wake how) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &wake_key);
  lua_pushvalue(L, index);
  lua_pushstring(L, way_names[way]);
  lua_pushboolean(L, how == WAKE_ALL);
  lua_call(L, 3, 1);
  const bool is_any_left = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_any_left;
}

void waiting_close(lua_State *L, int index, bool *is_closed, int descriptor) {
  index = lua_absindex(L, index);
  *is_closed = true;
  vm_wake_waiters(vm_of(L), is_closed);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &close_key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  lua_pushvalue(L, index);
  if (descriptor < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, descriptor);
  lua_call(L, 2, 0);
}

/* ---- for Lua --------------------------------------------------------------------------------- */

int waiting_set_maintenance(lua_State *L) {
  lua_settop(L, 2);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_CALLS_BACK);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_MAINTENANCE);
  return 0;
}

int waiting_set_pauser(lua_State *L) {
  yieldable_prepare(L);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_PAUSER);
  return 0;
}

int waiting_set_waits(lua_State *L) {
  if (vm_of(L)->is_adopted) vm_track_coroutines(L); /* a stopped task closes those that it began */
  lua_settop(L, 4);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &descriptor_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &close_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &wake_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &begin_key);
  return 0;
}

int waiting_iterated(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  push_iterators(L);
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  return 1;
}

int waiting_ways(lua_State *L) {
  lua_createtable(L, WAIT_WAYS, 0);
  for (int way = 0; way < WAIT_WAYS; way++) {
    lua_pushstring(L, way_names[way]);
    lua_rawseti(L, -2, way + 1);
  }
  return 1;
}

int waiting_can_yield(lua_State *L) {
  lua_pushboolean(L, can_yield(L));
  return 1;
}

int waiting_make_way(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  return 0;
}

int waiting_set_busy(lua_State *L) {
  struct vm_thread *t = vm_self(vm_of(L));
  lua_settop(L, 1);
  t->has_tasks = lua_toboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &t->has_tasks);
  return 0;
}

int waiting_busy(lua_State *L) {
  if (!vm_self(vm_of(L))->has_tasks) return 0;
  push_scheduler(L);
  waiting_can_yield(L);
  return 2;
}
