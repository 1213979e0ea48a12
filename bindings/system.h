/* SPDX-License-Identifier: MIT */
/* Clock, sleep, processors, threads: what the module offers of the operating system. */
#ifndef BINDINGS_SYSTEM_H
#define BINDINGS_SYSTEM_H

#include "state/lua_compat.h"

int system_time(lua_State *L);  /* → seconds on the monotonic clock */
int system_sleep(lua_State *L); /* seconds */
int system_terminal_width(lua_State *L);
int system_cpu_count(lua_State *L); /* → MANYMOONS_WORKERS, or else the processors this process may use */
int system_thread_count(lua_State *L); /* → threads of this process */
int system_pid(lua_State *L);          /* → process id */

#endif
