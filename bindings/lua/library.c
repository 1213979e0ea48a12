/* SPDX-License-Identifier: MIT */
/* The library in a VM: how it is opened, required, carried over a fork, and ended.
 *
 * A VM opens the library in two steps. After open_handles it can decode messages with handles; the
 * VMs of workers and embedded VMs begin with this step. `require "manymoons"` adds the native
 * functions (module.c) and the public table of api.lua. All state is in the registry, under the VM
 * lock: the public table (a second require under another name finds it), and the functions that end
 * workers.
 *
 * I1  A module built for one version of Lua raises an error in another before it touches the state.
 *
 * Starting and ending workers is written in Lua; this file calls the functions that api.lua gave to
 * native.on_end. */
#include "library.h"

#include <errno.h>
#include <string.h>

#include "channel/message_refs.h"
#include "core/system.h"
#include "deadlock/standstill.h"
#include "io/library.h"
#include "locks/lock_handle.h"
#include "locks/lock_wait.h"
#include "memory/frozen_table.h"
#include "memory/shared_table.h"
#include "memory/typed_array.h"
#include "module.h"
#include "net/descriptor.h"
#include "net/socket.h"
#include "os/signals.h"
#include "os/status_text.h"
#include "pool/pool_guard.h"
#include "pool/pool_worker.h"
#include "process/sandboxed.h"
#include "queues/local_queue.h"
#include "queues/pipe.h"
#include "queues/queue.h"
#include "queues/stand_in.h"
#include "state/host_null.h"
#include "state/originals.h"
#include "state/raise.h"
#include "state/random.h"
#include "state/running_lua.h"
#include "state/stop_point.h"
#include "worker/sandboxed_worker.h"
#include "worker/worker.h"
#include "worker/worker_run.h"

/* ---- the segment ----------------------------------------------------------------------------- */

static void open_segment(lua_State *L) {
  const status st = segment_open();
  char text[STATUS_TEXT_MAX];
  const char *hint = st == -EFBIG ? " (a limit of file sizes below 64 MiB: see ulimit -f)" : "";
  if (st) luaL_error(L, "manymoons: no shared memory: %s%s", status_text(st, text), hint);
  segment_note_request_signal(signals_request_number());
  channel_register_kinds();
}

/* A host's own functions stay until it uses tasks or threads. */
static void take_places(lua_State *L) {
  if (!vm_of(L)->is_adopted) io_install(L);
}

/* ---- the functions of vm_library ------------------------------------------------------------- */

static void open_handles(lua_State *L) {
  struct vm *vm = vm_adopt(L);
  vm->library = &manymoons_library;
  if (vm->is_adopted) standstill_follow_environment(vm, 0);
  random_keep(L);
  originals_keep(L);
  host_null_keep(L);
  STOP_POINT("library.adopted");
  open_segment(L);
  STOP_POINT("library.has_segment");
  if (sandboxed_is())
    stand_in_open(L);
  else
    queue_open(L);
  STOP_POINT("library.has_queues");
  lock_handle_open(L);
  lock_wait_open(L);
  STOP_POINT("library.has_locks");
  typed_array_open(L);
  STOP_POINT("library.has_arrays");
  shared_table_open(L);
  STOP_POINT("library.has_tables");
  frozen_table_open(L);
  STOP_POINT("library.has_frozen_tables");
  stream_open(L);
  descriptor_open(L);
  STOP_POINT("library.has_streams");
  local_queue_open(L);
  STOP_POINT("library.has_local_queues");
  connection_open(L);
  STOP_POINT("library.has_connections");
  worker_open(L);
  STOP_POINT("library.has_workers");
  take_places(L);
  STOP_POINT("library.has_files");
}

/* Does nothing in a VM that has not required the library. */
static int call_shutdown(lua_State *L) {
  after_fork_settle(L);
  lua_getfield(L, LUA_REGISTRYINDEX, MODULE_SHUTDOWN_KEY);
  if (lua_isnil(L, -1)) return 0;
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  return 0;
}

static void end_workers(lua_State *L, enum shutdown how) {
  lua_pushcfunction(L, call_shutdown);
  lua_pushstring(L, how == SHUTDOWN_JOIN ? "join" : "terminate");
  if (lua_pcall(L, 1, 0, 0)) lua_pop(L, 1);
}

/* The loader of "manymoons.serial" and the other worlds, which are fields of the public table. */
static int open_world(lua_State *L) {
  const char *name = strchr(luaL_checkstring(L, 1), '.') + 1;
  originals_push(L, "_G", "require");
  if (lua_isnil(L, -1)) lua_getglobal(L, "require");
  lua_pushliteral(L, "manymoons");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, name);
  return 1;
}

static void preload(lua_State *L) {
  static const char *const worlds[] = {"manymoons.serial", "manymoons.async", "manymoons.threads",
                                       "manymoons.interpreters", "manymoons.processes"};
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_manymoons);
  lua_setfield(L, -2, "manymoons");
  for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
    lua_pushcfunction(L, open_world);
    lua_setfield(L, -2, worlds[i]);
  }
  lua_pop(L, 2);
  take_places(L);
}

static const worker_role roles[] = {
    [START_INFO_PROCESS] = worker_call, [START_INFO_POOL_WORKER] = pool_worker_loop};

static const worker_guard guards[] = {
    [START_INFO_PROCESS] = sandboxed_worker_guard, [START_INFO_POOL_WORKER] = pool_guard_serve};

const struct vm_library manymoons_library = {open_handles, preload, after_fork_settle,
                                             end_workers,  roles,   guards};

/* ---- require --------------------------------------------------------------------------------- */

int luaopen_manymoons(lua_State *L) {
  running_lua_check(L, LUA_MAJOR_MINOR);
  lua_getfield(L, LUA_REGISTRYINDEX, VM_LIBRARY_KEY);
  if (!lua_isnil(L, -1)) return 1;
  open_handles(L);
  return module_open(L);
}
