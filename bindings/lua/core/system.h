/* SPDX-License-Identifier: MIT */
/* Clock, sleep, processors, threads: what the module offers of the operating system. */
#ifndef BINDINGS_CORE_SYSTEM_H
#define BINDINGS_CORE_SYSTEM_H

#include "state/lua_compat.h"

int system_time(lua_State *L);  /* → seconds on the monotonic clock */
int system_sleep(lua_State *L); /* seconds */
int system_terminal_width(lua_State *L);
int system_cpu_count(lua_State *L); /* → MANYMOONS_WORKERS, or else the processors this process may use */
int system_thread_count(lua_State *L); /* → threads of this process */
int system_pid(lua_State *L);          /* → process id */
/* What the host program's own subcommands need: */
int system_is_private_file(lua_State *L);     /* path → whether nobody else can read it */
int system_create_private_file(lua_State *L); /* path, text → true; or nil and why */
int system_signal_descriptor(lua_State *L);   /* → a descriptor that SIGINT, SIGTERM and SIGHUP come to */
int system_read_signal(lua_State *L);         /* descriptor → a signal's number; 0: none came */
/* → { name, processor, processors, system, memory, load }, as struct machine has it; a text that
 * is unknown is nil */
int system_machine(lua_State *L);
int system_program_path(lua_State *L); /* → a path that runs this program again */
/* Of a process by its pid; nothing, where there is none: */
int system_process_memory(lua_State *L);  /* pid → bytes */
int system_process_command(lua_State *L); /* pid → its arguments, a zero byte behind each */

#endif
