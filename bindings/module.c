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
#include "state/library.h"
#include "state/vm_interrupt.h"
#include "stream.h"
#include "sync.h"
#include "system.h"
#include "table.h"
#include "tracing.h"
#include "values.h"
#include "wait_any.h"
#include "waiting.h"
#include "worker_start.h"

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
    {"settings", settings_call},
    {"seal", values_seal},
    {"set_tender", waiting_set_tender},
    {"can_yield", waiting_can_yield},
    {"make_way", waiting_make_way},
    {"set_wait_pauser", waiting_set_pauser},
    {"stack_of_caller", stack_of_caller},
    {"busy", waiting_busy},
    {"set_busy", waiting_set_busy},
    {"resume", vm_resume_task},
    {"fiber_new", fiber_new},
    {"fiber_switch", fiber_switch_call},
    {"class_methods", class_methods_call},
    {"stream_methods", stream_methods_call},
    {"held_end_task", held_end_task_call},
    {"load", embedded_load_call},
    {"embedded", embedded_text_call},
    {"may_fork", worker_may_fork},
    {"stop_forkserver", worker_stop_forkserver},
    {"measure_run", measure_run},
    {"look", look},
    {"trace_start", trace_start},
    {"trace_stop", trace_stop},
    {"trace_task", trace_task},
    {NULL, NULL},
};

int module_open(lua_State *L) {
  lua_pushcfunction(L, embedded_load_call);
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
