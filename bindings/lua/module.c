/* SPDX-License-Identifier: MIT */
/* `native`: the one table of C functions that the library's Lua files call. Each function is in
 * the file of its subject; this file only lists them. Scripts see the public table that api.lua
 * makes. */
#include "module.h"

#include "async/deep_call.h"
#include "async/exit_seam.h"
#include "async/fiber.h"
#include "async/loop.h"
#include "async/poller.h"
#include "base/nearness.h"
#include "base/version.h"
#include "broker/redis_connection.h"
#include "broker/redis_lease.h"
#include "cli/inspect.h"
#include "cli/tracing.h"
#include "compare/measure.h"
#include "core/arguments.h"
#include "core/failure.h"
#include "core/settings.h"
#include "core/system.h"
#include "core/values.h"
#include "core/wait_any.h"
#include "core/waiting.h"
#include "deadlock/endless_wait.h"
#include "deadlock/wait_text.h"
#include "embedded.h"
#include "io/library.h"
#include "io/unbuffered.h"
#include "io/writing.h"
#include "locks/file_lock.h"
#include "locks/held_locks.h"
#include "locks/lock_handle.h"
#include "locks/lock_wait.h"
#include "map/line_run.h"
#include "memory/frozen_table.h"
#include "memory/shared_memory.h"
#include "memory/shared_table.h"
#include "memory/typed_array.h"
#include "net/crypto.h"
#include "net/descriptor.h"
#include "net/lookup.h"
#include "net/socket.h"
#include "pool/pool_rings.h"
#include "pool/pool_sort.h"
#include "pool/pool_worker.h"
#include "profile/attaching.h"
#include "profile/profiling.h"
#include "queues/local_queue.h"
#include "queues/pipe.h"
#include "queues/queue.h"
#include "state/caller.h"
#include "state/coroutines.h"
#include "state/library.h"
#include "state/message_handlers.h"
#include "state/method_hint.h"
#include "state/raise.h"
#include "state/random_stream.h"
#include "state/traceback.h"
#include "terminal/terminal_rows.h"
#include "worker/gil.h"
#include "worker/sandbox_rules.h"
#include "worker/thread_run.h"
#include "worker/worker.h"
#include "worker/worker_start.h"

/* on_end(shutdown, after_fork): keeps both functions, for library.c and core/system.h. shutdown("join" or "terminate")
 * ends this VM's workers; after_fork() forgets the parent's. [-0, +0, raises] */
static int on_end(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  after_fork_keep(L);
  lua_setfield(L, LUA_REGISTRYINDEX, MODULE_SHUTDOWN_KEY);
  return 0;
}

/* place() → "FILE:LINE: " of the script's call, for messages (state/caller.h). [-0, +1, memory] */
static int place_call(lua_State *L) {
  caller_push_place(L);
  return 1;
}

/* shown_error(error, coroutine or nil) → the error of the coroutine, or the one for which the calling message handler runs:
 * without the place that it begins with, if that is a line of this library (state/caller.h), and with the method that is
 * meant (state/method_hint.h). [-0, +1, memory] */
static int shown_error(lua_State *L) {
  enum { HANDLER = 2 }; /* level of the frame below this function and the handler */
  lua_State *of = lua_tothread(L, 2);
  lua_settop(L, 1);
  caller_strip_own(L, of ? of : L, of ? 0 : HANDLER);
  method_hint_add(L, of ? of : L, of ? 0 : HANDLER);
  return 1;
}

/* is_caught() → whether a standard function catches the error for which the calling message handler runs
 * (state/message_handlers.h). [-0, +1, memory] */
static int is_caught_call(lua_State *L) {
  lua_pushboolean(L, message_handlers_is_caught(L, 2));
  return 1;
}

/* variable(class) → a variable of the script that holds an object of the class, for messages (state/caller.h).
 * [-0, +1, raises] */
static int variable_call(lua_State *L) {
  caller_push_variable(L, luaL_checkstring(L, 1));
  return 1;
}

/* nearness(word, name) → the distance, nil if they are not near; true: only their beginnings are alike
 * (base/nearness.h). [-0, +2, raises] */
static int nearness_call(lua_State *L) {
  const unsigned distance = nearness(luaL_checkstring(L, 1), luaL_checkstring(L, 2));
  if (distance == NEARNESS_NONE) return 0;
  lua_pushnumber(L, distance);
  lua_pushboolean(L, distance == NEARNESS_BEGINNING);
  return 2;
}

/* metatable_of(name) → the metatable of a C library's userdata, for async/luasocket.lua; nil: there is none.
 * [-0, +1, raises] */
static int metatable_of_call(lua_State *L) {
  luaL_getmetatable(L, luaL_checkstring(L, 1));
  return 1;
}

/* Those that are in the public table as well: errors name them. */
static const luaL_Reg public_functions[] = {
    {"dumps", values_dumps},        {"loads", values_loads},
    {"register", values_register},  {"time", system_time},
    {"sleep", system_sleep},        {"cpu_count", system_cpu_count},
    {"Descriptor", descriptor_new}, {NULL, NULL},
};

static const luaL_Reg native_functions[] = {
    {"on_end", on_end},
    {"settle_fork", after_fork_settle_call},
    {"place", place_call},
    {"traceback", traceback_call},
    {"nearness", nearness_call},
    {"variable", variable_call},
    {"metatable_of", metatable_of_call},
    {"is_caught", is_caught_call},
    {"shown_error", shown_error},
    {"worker_start", pool_rings_start_worker},
    {"end_leaving_workers", worker_end_leaving_call},
    {"sandbox_obstacle", sandbox_obstacle_call},
    {"sandbox_path", sandbox_path_call},
    {"pool_rings_new", pool_rings_new},
    {"pool_protocol", pool_protocol},
    {"sort_plain", pool_sort_call},
    {"pool_forks", pool_forks_call},
    {"pool_forks_serve_by", pool_forks_serve_by_call},
    {"pool_forks_wake", pool_forks_wake_call},
    {"pool_place", pool_worker_place_call},
    {"pool_globals", pool_worker_globals_call},
    {"copies", pool_forks_copies_call},
    {"apply_globals", pool_forks_apply_globals_call},
    {"deep_call", deep_call},
    {"queue_new", queue_new},
    {"local_queue_new", local_queue_new},
    {"local_queue_methods", local_queue_methods},
    {"queue_methods", queue_methods},
    {"queue_put_batch", queue_put_batch},
    {"queue_take_batch", queue_take_batch},
    {"lock_new", lock_handle_new},
    {"file_lock_open", file_lock_open_call},
    {"list_length", list_length_call},
    {"typed_array_new", typed_array_new},
    {"set_pointer_caster", typed_array_set_caster},
    {"typed_array_cast", typed_array_cast_call},
    {"freeze", frozen_table_freeze_call},
    {"thaw", frozen_table_thaw_call},
    {"is_frozen", frozen_table_is_call},
    {"shared_table_new", shared_table_new},
    {"shared_table_methods", shared_table_methods},
    {"shared_table_look", shared_table_look_call},
    {"shared_table_await", shared_table_await_call},
    {"socket_listen", socket_listen_call},
    {"socket_connect", socket_connect_call},
    {"look_up", lookup_call},
    {"hmac_sha256", crypto_hmac_call},
    {"random_bytes", crypto_random_call},
    {"is_same", crypto_is_same_call},
    {"sign", crypto_sign_call},
    {"sha256", crypto_sha256_call},
    {"redis_open", redis_connection_open},
    {"redis_lease_open", redis_lease_open},
    {"poller_new", poller_new},
    {"shared_memory_create", shared_memory_create},
    {"shared_memory_open", shared_memory_open},
    {"shared_memory_unlink", shared_memory_unlink},
    {"shared_memory_end", shared_memory_end},
    {"shared_memory_after_fork", shared_memory_after_fork},
    {"lock_methods", lock_handle_methods},
    {"lock_kinds", lock_handle_kinds},
    {"held_locks_mark", held_locks_mark_call},
    {"held_locks_end_since", held_locks_end_since_call},
    {"pipe_new", pipe_new},
    {"wait_any", wait_any},
    {"loop_new", loop_new},
    {"wait_descriptor", wait_descriptor},
    {"loads_from", values_loads_from},
    {"printable", printable_call},
    {"is_asked_to_stop", system_is_asked_to_stop},
    {"is_stopped", system_is_stopped},
    {"set_late", system_set_late},
    {"random_begin", random_begin_call},
    {"random_swap", random_swap_call},
    {"random_is_possible", random_is_possible_call},
    {"terminal_size", terminal_size_call},
    {"terminal_write", terminal_write_call},
    {"bar_row_take", terminal_take_row},
    {"bar_row_give", terminal_give_row},
    {"bar_rows_reserve", terminal_reserve_rows},
    {"environment", system_environment},
    {"thread_count", system_thread_count},
    {"pid", system_pid},
    {"process_is_alive", system_process_is_alive},
    {"read_private_file", system_read_private_file},
    {"read_regular_file", system_read_regular_file},
    {"create_private_file", system_create_private_file},
    {"signal_descriptor", system_signal_descriptor},
    {"read_signal", system_read_signal},
    {"is_terminal", system_is_terminal},
    {"tell_service_manager", system_tell_service_manager},
    {"processors", system_processors},
    {"allow_processors", system_allow_processors},
    {"machine", system_machine},
    {"program_file", system_program_file},
    {"program_path", system_program_path},
    {"process_memory", system_process_memory},
    {"process_command", system_process_command},
    {"thread", thread_number},
    {"has_other_threads", thread_has_others},
    {"exit_thread", thread_exit_call},
    {"gil", gil_read},
    {"gil_set", gil_set},
    {"settings", settings_call},
    {"seal", values_seal},
    {"hash", values_hash},
    {"replace_original", values_replace_original},
    {"take_exit", exit_seam_take},
    {"set_maintenance", waiting_set_maintenance},
    {"can_yield", waiting_can_yield},
    {"make_way", waiting_make_way},
    {"io_install", io_install_call},
    {"write_now", writing_now},
    {"descriptor_of", unbuffered_descriptor_call},
    {"read_some", unbuffered_read_call},
    {"is_abandoned", unbuffered_is_abandoned_call},
    {"line_run_new", line_run_new},
    {"cut_lines", line_run_cut_call},
    {"last_line_end", line_run_last_call},
    {"set_waits", waiting_set_waits},
    {"wait_ways", waiting_ways},
    {"iterated", waiting_iterated},
    {"set_wait_pauser", waiting_set_pauser},
    {"stack_of_caller", stack_of_caller},
    {"set_error_maker", raise_set_maker},
    {"busy", waiting_busy},
    {"set_busy", waiting_set_busy},
    {"resume", vm_resume_task},
    {"close_coroutines", coroutines_close},
    {"fiber_new", fiber_new},
    {"fiber_switch", fiber_switch_call},
    {"held_locks_end_task", lock_wait_end_task_call},
    {"look_for_deadlock", lock_wait_look_call},
    {"set_waiter_namer", wait_text_set_namer},
    {"standing_wait", endless_wait_new},
    {"load", embedded_load_call},
    {"embedded", embedded_text_call},
    {"may_fork", worker_may_fork},
    {"stop_forkserver", worker_stop_forkserver},
    {"measure_run", measure_run},
    {"inspect", inspect},
    {"thread_time", inspect_thread_time},
    {"programs", inspect_programs},
    {"profile_start", profile_start},
    {"profile_stop", profile_stop},
    {"profile_read", profile_read},
    {"profile_attach", profile_attach},
    {"profile_detach", profile_detach},
    {"profile_states", profile_states},
    {"trace_start", trace_start},
    {"trace_stop", trace_stop},
    {"trace_task", trace_task},
    {"note_failure", trace_note_failure},
    {NULL, NULL},
};

int module_open(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, native_functions, 0);
  caller_set_functions(L, public_functions, NULL);
  lua_pushliteral(L, MANYMOONS_VERSION);
  lua_setfield(L, -2, "version");
  embedded_push_require(L);
  lua_pushliteral(L, "api");
  lua_call(L, 1, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, VM_FRAME_KEY);
  lua_setfield(L, -2, "frame");
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, VM_LIBRARY_KEY);
  return 1;
}
