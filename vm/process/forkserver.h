/* SPDX-License-Identifier: MIT */
/* The fork server: a small process with one thread, from which a host with many threads starts
 * clean children.
 *
 * Each process that needs one starts its own at the first need, and talks to it under
 * rank_forkserver.
 *
 *     client → server   struct request: to start a child, or to kill one
 *     server → client   of a start: int32_t pid and the pidfd, or -errno
 *
 * The server reaps its children and writes their exit codes into their worker statuses.
 *
 * I1  The server ends when the client's process does, and its children with it: the kernel kills it
 *     with the thread that started it, also a server that is stopped, and it ends when the client's
 *     end of the socket closes. A thread that may end before the process does not start it itself.
 * I2  A start has a deadline. A server that is stopped, or hangs, loses that start and all later
 *     ones to another server; its children go on. A start that it takes up later does not run
 *     (worker_status_cancel).
 */
#ifndef PROCESS_FORKSERVER_H
#define PROCESS_FORKSERVER_H

#include "process/child.h"

/* As child_spawn, through this process's fork server, which is started with `argv` at the first
 * need. */
MUST_CHECK status child_request(struct child *out, const char *const argv[], block_ref start_info);

/* Runs the fork server. Returns STATUS_OK in each child, with its options, and a failure in the
 * server, which otherwise ends with its parent. */
MUST_CHECK status forkserver_serve(const char *text, struct child_options *out);
/* Ends this process's fork server, if there is one, and its children. */
void forkserver_stop(void);
/* In a forked child, on its only thread: closes its copies of the parent's fork server's
 * descriptors. */
void forkserver_forget(void);

#endif
