/* SPDX-License-Identifier: MIT */
/* The one table of the C functions that Lua files see. A function is in the file whose matter it
 * is; this file only names it. Nothing outside of the library gets the table: scripts see what
 * lua/api.lua makes of it. */
#include "module.h"

#include "arguments.h"
#include "connection.h"
#include "crypto.h"
#include "embedded.h"
#include "engine_lease.h"
#include "engine_link.h"
#include "failure.h"
#include "fiber.h"
#include "gil.h"
#include "held.h"
#include "local_queue.h"
#include "look.h"
#include "loop.h"
#include "measure.h"
#include "memory.h"
#include "poller.h"
#include "pool_core.h"
#include "queue.h"
#include "settings.h"
#include "shared_memory.h"
#include "state/launch.h"
#include "state/library.h"
#include "state/names.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"
#include "state/yieldable.h"
#include "stream.h"
#include "sync.h"
#include "system.h"
#include "table.h"
#include "task/child.h"
#include "tracing.h"
#include "values.h"
#include "wait_any.h"
#include "waiting.h"

static int settings(lua_State *L) {
  settings_push(L);
  return 1;
}

/* seal(f) → f, which travels by its name from now on */
static int seal(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  names_seal(L);
  return 1;
}

/* set_tender(f or nil): f is called between the slices of waits (waiting.h) */
static int set_tender(lua_State *L) {
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_TENDER);
  return 0;
}

/* set_wait_pauser(f): f(seconds) is called between the looks of waits (waiting.h) */
static int set_wait_pauser(lua_State *L) {
  yieldable_prepare(L);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, WAIT_PAUSER);
  return 0;
}

/* Whether the caller is the coroutine of the task that runs, where it may yield. */
static int can_yield(lua_State *L) {
  lua_pushboolean(L, vm_self(vm_of(L))->task == L && yieldable(L));
  return 1;
}

/* make_way(): other threads of the VM run now if they have waited long enough */
static int make_way(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  return 0;
}

/* set_busy(scheduler or nil): the calling thread has tasks, or has none any more */
static int set_busy(lua_State *L) {
  struct vm_thread *t = vm_self(vm_of(L));
  lua_settop(L, 1);
  t->has_tasks = lua_toboolean(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &t->has_tasks);
  return 0;
}

/* busy() → the scheduler of the calling thread and can_yield(), if it has tasks */
static int busy(lua_State *L) {
  const struct vm_thread *t = vm_self(vm_of(L));
  if (!t->has_tasks) return 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &t->has_tasks);
  can_yield(L);
  return 2;
}

static int load_embedded(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *source = embedded_find(name, &size);
  if (!source) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushfstring(L, "=manymoons/%s.lua", name);
  if (luaL_loadbuffer(L, source, size, lua_tostring(L, -1))) return lua_error(L);
  return 1;
}

/* embedded(name) → the text of an embedded file */
static int push_embedded(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *text = embedded_find(name, &size);
  if (!text) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushlstring(L, text, size);
  return 1;
}

/* may_fork() → whether a copy of this process would be a good worker */
static int may_fork(lua_State *L) {
  lua_pushboolean(L, launch_may_fork());
  return 1;
}

static int stop_forkserver(lua_State *L) {
  (void)L;
  forkserver_stop();
  return 0;
}

/* class_methods("manymoons.Queue") → the table of its methods */
static int class_methods(lua_State *L) {
  luaL_getmetatable(L, luaL_checkstring(L, 1));
  if (lua_isnil(L, -1)) return luaL_argerror(L, 1, "no such class");
  lua_getfield(L, -1, "__index");
  return 1;
}

/* held_mark() → how much of locks this VM holds; held_end_since(mark, has_died): what came later is
 * abandoned */
static int held_mark_call(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)held_mark(held_of(L)));
  return 1;
}

static int held_end_since_call(lua_State *L) {
  held_end_since(held_of(L), (size_t)luaL_checknumber(L, 1), lua_toboolean(L, 2));
  return 0;
}

/* held_end_task(coroutine, has_died): the task has ended, and what it holds of locks is abandoned
 */
static int held_end_task_call(lua_State *L) {
  held_end_agent(held_of(L), (uint64_t)(uintptr_t)lua_topointer(L, 1), lua_toboolean(L, 2));
  return 0;
}

static const luaL_Reg private_functions[] = {
    {"worker_start", pool_core_start_worker},
    {"pool_core_new", pool_core_new},
    {"queue_new", queue_new},
    {"local_queue_new", local_queue_new},
    {"sync_new", sync_new},
    {"memory_new", memory_new},
    {"table_new", table_new},
    {"table_methods", table_methods},
    {"stream_listen", stream_listen_call},
    {"stream_connect", stream_connect_call},
    {"stream_forget", stream_forget_call},
    {"hmac_sha256", crypto_hmac_call},
    {"random_bytes", crypto_random_call},
    {"is_same", crypto_is_same_call},
    {"sign", crypto_sign_call},
    {"sha256", crypto_sha256_call},
    {"link_open", engine_link_open},
    {"lease_open", engine_lease_open},
    {"poller_new", poller_new},
    {"shared_memory_open", shared_memory_open},
    {"shared_memory_unlink", shared_memory_unlink},
    {"sync_methods", sync_methods},
    {"held_mark", held_mark_call},
    {"held_end_since", held_end_since_call},
    {"pipe_new", pipe_new},
    {"wait_any", wait_any},
    {"loop_new", loop_new},
    {"wait_descriptor", wait_descriptor},
    {"dumps", values_dumps},
    {"loads", values_loads},
    {"register", values_register},
    {"time", system_time},
    {"sleep", system_sleep},
    {"terminal_width", system_terminal_width},
    {"cpu_count", system_cpu_count},
    {"thread_count", system_thread_count},
    {"pid", system_pid},
    {"is_private_file", system_is_private_file},
    {"create_private_file", system_create_private_file},
    {"signal_descriptor", system_signal_descriptor},
    {"read_signal", system_read_signal},
    {"thread", thread_number},
    {"gil", gil_read},
    {"gil_set", gil_set},
    {"settings", settings},
    {"seal", seal},
    {"set_tender", set_tender},
    {"can_yield", can_yield},
    {"make_way", make_way},
    {"set_wait_pauser", set_wait_pauser},
    {"stack_of_caller", stack_of_caller},
    {"busy", busy},
    {"set_busy", set_busy},
    {"resume", vm_resume_task},
    {"fiber_new", fiber_new},
    {"fiber_switch", fiber_switch_call},
    {"class_methods", class_methods},
    {"stream_methods", stream_methods_call},
    {"held_end_task", held_end_task_call},
    {"load", load_embedded},
    {"embedded", push_embedded},
    {"may_fork", may_fork},
    {"stop_forkserver", stop_forkserver},
    {"measure_run", measure_run},
    {"look", look},
    {"trace_start", trace_start},
    {"trace_stop", trace_stop},
    {"trace_task", trace_task},
    {NULL, NULL},
};

int module_open(lua_State *L) {
  lua_pushcfunction(L, load_embedded);
  lua_pushliteral(L, "api");
  lua_call(L, 1, 1);
  lua_newtable(L);
  luaL_setfuncs(L, private_functions, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, MODULE_PRIVATE_KEY);
  lua_call(L, 1, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, VM_LIBRARY_KEY);
  return 1;
}
