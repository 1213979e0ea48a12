/* SPDX-License-Identifier: MIT */
/* Functions of the operating system for Lua: clock, sleep, processors, threads, files, signals. */
#ifndef BINDINGS_CORE_SYSTEM_H
#define BINDINGS_CORE_SYSTEM_H

#include "base/printable.h"
#include "state/lua_compat.h"

int system_time(lua_State *L); /* → seconds on the monotonic clock */
/* is_asked_to_stop() and is_stopped(): vm_is_asked_to_stop and vm_should_stop of the calling thread.
 * [-0, +1, does not raise] */
int system_is_asked_to_stop(lua_State *L);
int system_is_stopped(lua_State *L);
/* set_late(is_late): a hook in Lua raises the error of a time limit: no message handler of the script runs in it.
 * [-0, +0, does not raise] */
int system_set_late(lua_State *L);
int system_sleep(lua_State *L);       /* seconds */
int system_cpu_count(lua_State *L);   /* → MANYMOONS_WORKERS, or else the processors this process may use */
int system_environment(lua_State *L); /* name → the variable; nil: it is not set, or not trusted */
int system_thread_count(lua_State *L);     /* → threads of this process */
int system_pid(lua_State *L);              /* → process id */
int system_process_is_alive(lua_State *L); /* pid → whether there is such a process that has not ended */
/* For the subcommands of the host program: */
int system_read_private_file(
    lua_State *L); /* path → its text, if no other user can read it; or nil and why */
/* path [, pid] → the text of an ordinary file of at most 16 MiB (os/regular_file.h); or nil and why. A relative path
 * begins in the folder of that process. */
int system_read_regular_file(lua_State *L);
int system_create_private_file(lua_State *L); /* path, text → true; or nil and why */
int system_signal_descriptor(lua_State *L);   /* → a descriptor that receives SIGINT, SIGTERM, SIGHUP */
int system_read_signal(lua_State *L);         /* descriptor → the number of a signal; 0: none */
/* → { name, processor, processors, system, memory, load }, the fields of struct machine, and `governor`, the
 * rule by which the clock rate changes; an unknown text is nil */
int system_machine(lua_State *L);
int system_tell_service_manager(lua_State *L); /* text → whether there is one that hears it */
int system_is_terminal(lua_State *L);          /* descriptor → whether it is a terminal */
int system_processors(lua_State *L); /* → the numbers of the processors that this process may use */
/* {numbers} → true: this thread, and what it starts, uses only these processors; or nil and why */
int system_allow_processors(lua_State *L);
int system_program_file(
    lua_State *L); /* → the path of this program's file, which may be gone; or nil and why */
int system_program_path(lua_State *L); /* → a path that runs this program again */
/* Of the process with this pid; nothing if there is none: */
int system_process_memory(lua_State *L);  /* pid → bytes */
int system_process_command(lua_State *L); /* pid → its arguments, each followed by a zero byte */

/* Pushes the string at `index` as it may be shown (base/printable.h). [-0, +1, memory] */
void printable_push(lua_State *L, int index, enum printable_as as);

/* printable(text [, "json"]) → the text as it may be shown; with "json" the text is JSON, and stays
 * JSON. [-0, +1, raises] */
int printable_call(lua_State *L);

/* What a VM forgets of its parent in a forked child. A child of this library's own is settled when it
 * begins (worker/worker_run.c); one that the host forks is a stranger, and is settled when it first uses what
 * the parent may have left.
 *
 * Keeps the function on top, and pops it: it forgets what is the parent's. [-1, +0, raises] */
void after_fork_keep(lua_State *L);
/* Calls the function that was kept, once in each forked child. [-0, +0, raises] */
void after_fork_settle(lua_State *L);
/* settle_fork(): the same. */
int after_fork_settle_call(lua_State *L);

#endif
