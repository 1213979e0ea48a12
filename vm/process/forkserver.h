/* SPDX-License-Identifier: MIT */
/* The fork server: a small process with one thread, from which a host with many threads starts
 * clean children.
 *
 * Each process that needs one starts its own at the first need, and talks to it under
 * rank_forkserver.
 *
 *     client → server   struct child_options
 *     server → client   int32_t pid and the pidfd, or -errno
 *
 * The server reaps its children and writes their exit codes into their worker statuses. It ends
 * when the client's end of the socket closes, and its children with it; it survives the thread that
 * started it.
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
