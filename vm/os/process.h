/* SPDX-License-Identifier: MIT */
/* OS processes: making them, waiting for them through a pidfd, and never leaving one behind.
 *
 * A process made here is killed by the kernel when the thread that made it ends: a process that is
 * made from a short-lived thread is joined on that thread.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/status.h"

/* Names a process for good: a pid alone may be somebody else's tomorrow. */
struct process_id {
  int32_t pid;
  uint32_t reserved;
  uint64_t start_time; /* clock ticks after boot, from /proc; 0 when unknown */
};

/* This process' id in its own namespace, asked of the system each time. */
int32_t process_pid(void);
/* Its id and start time, which together are never used twice. */
struct process_id process_self(void);
/* False for a zombie, and for another process that has got the same pid. It reads /proc or its
 * like. */
bool process_is_alive(const struct process_id *id);

/* fork(2), after which the child dies with its parent. STATUS_OK with *pid == 0 in the child. */
MUST_CHECK status process_fork(pid_t *pid);
/* For what runs in each forked child (thread_on_fork): the fork is one of process_fork, and not one
 * of the host's own. */
bool process_is_forking(void);
/* Runs `argv` with the descriptors `kept` (-1: none) inherited under the same numbers, everything else
 * that is close-on-exec closed. The program itself calls process_die_with_parent. */
MUST_CHECK status process_spawn(pid_t *pid, char *const argv[], const int *kept, size_t count);
/* The same, as the leader of a process group of its own: no signal for the caller's group reaches it. */
MUST_CHECK status process_spawn_leader(pid_t *pid, char *const argv[], const int *kept, size_t count);
/* In a program that was started so, before it opens anything: what it inherited otherwise goes, but
 * for the standard streams. Files of the script that started us would stay open for as long as we
 * live, and a reader of one of its pipes would never see the end. Before Linux 5.9 they do stay. */
void process_close_inherited(const int *kept, size_t count);
/* SIGKILL for this process when its parent goes. STATUS_DIED: it has gone already. */
MUST_CHECK status process_die_with_parent(pid_t parent);

/* A descriptor that is readable once the process has ended. */
MUST_CHECK status process_watch(int *pidfd, pid_t pid);
/* Closes what process_watch returned. The process is not reaped. */
void process_unwatch(int pidfd);
/* Waits for the end. STATUS_OK, STATUS_TIMEOUT or STATUS_INTERRUPTED. */
MUST_CHECK status process_wait_end(int pidfd, deadline until);
/* After the end: *exit_code >= 0, or -N for signal N. -ECHILD when somebody else has reaped it. */
MUST_CHECK status process_reap(pid_t pid, int *exit_code);
/* The exit code of a process that has ended and that its parent, another process, has not reaped
 * yet. -ESRCH: it is reaped, or the system does not say. */
MUST_CHECK status process_ended_code(int32_t pid, int pidfd, int *exit_code);
/* Whether a child of this process, not reaped, is stopped by a signal. */
bool process_is_stopped(int32_t pid);
/* -ESRCH: the process is gone, and nothing happens: the descriptor never names another one. */
status process_signal(int pidfd, int signal_number);
/* SIGKILL for a child without a pidfd. Nothing if it was reaped: the number may be another's. */
void process_kill(int32_t pid);

/* A worker's commands (os.execute, io.popen) end with it when it is stopped or killed. Commands that
 * it leaves in the background are among them, unless they begin a session of their own. */

/* From now on this process, and what it starts, are a group of processes, by its number. */
void process_lead_group(void);
/* SIGKILL for the group that a child led, if a signal has ended the child, which has ended and is not
 * reaped: its number is still the group's. */
void process_end_group(pid_t pid);
/* SIGKILL for a child that is not reaped, and for what it has started. */
void process_end_with_children(int32_t pid);
/* SIGKILL for the processes that a thread of this process started, and for what these started, unless
 * is_spared(pid) of the first ones. Processes whose starter has ended already are not found. */
void process_end_children(int32_t thread, bool (*is_spared)(int32_t pid));

/* The path of the running program; -errno when the system does not say. */
MUST_CHECK status process_executable(char *path, size_t size);
/* Whether that path still names the file of the running program. */
bool process_is_executable_at(const char *path);
/* A path that runs this program again, even where its file has been replaced since. */
const char *process_own_path(void);
/* Sends a signal to a thread of a process that has a handler for it; the first one has the number of the process.
 * -ESRCH: there is no such process or thread, or it has none. */
MUST_CHECK status process_signal_handler(int64_t pid, int64_t thread, int signal_number);
/* A path as the process with this number sees it: a relative one begins in its folder. 0: in this one's. */
void process_resolve_path(int64_t pid, const char *path, char *out, size_t size);
/* Calls visit for each process of this user, until it returns false. */
void process_each_own(bool (*visit)(void *context, int32_t pid), void *context);
/* How many bytes of memory a process has; -ESRCH: there is none of that number. */
MUST_CHECK status process_memory(int64_t pid, uint64_t *bytes);
/* How many bytes of address space this process has. */
MUST_CHECK status process_address_space(uint64_t *bytes);
/* The arguments of a process, a zero byte behind each: the first `size` bytes. -ESRCH. */
MUST_CHECK status process_command(int64_t pid, char *text, size_t size, size_t *length);
/* From now on standard input is at its end, in a forked child also what the C library has read of it
 * in advance: that is the parent's. */
MUST_CHECK status process_end_input(void);
/* Erases the environment of this process, which has one thread, but for the language, the time zone
 * and the terminal. */
void process_forget_environment(void);
/* A standard descriptor that is closed at the start would be given to the next file that is
 * opened, and then be printed to. Opened the wrong way round, it fails as the closed one would. */
void process_fill_standard_descriptors(void);
/* In a forked child: closes the inherited ends of pipes to programs that the parent runs (popen), for
 * such a program sees the end of its input only when all copies are closed. */
void process_close_program_inputs(pid_t parent);
/* Runs a program beside this one, its output going to our standard error; nobody waits for its end.
 * Async-signal-safe. */
void process_run_aside(const char *path, char *const argv[]);
/* Ends the process at once, without the exit handlers of the process that we forked from. */
NO_RETURN void process_exit_now(int code);

#endif
