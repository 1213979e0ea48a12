/* SPDX-License-Identifier: MIT */
/* The fork server: a small process with one thread, from which a host with many starts clean children.
 *
 * One for each process that needs it, started at the first need; ours to talk to under rank_forkserver.
 *
 *     us → server   struct child_options
 *     server → us   int32_t pid and the pidfd, or -errno
 *
 * The server reaps its children and writes how they ended into their worker statuses. It ends when our end of the
 * socket closes, and its children with it; the death of the thread that happened to start it does not matter.
 */
#ifndef PROCESS_FORKSERVER_H
#define PROCESS_FORKSERVER_H

#include "process/child.h"

/* As child_spawn, by way of this process's fork server, which is started with `argv` at the first
 * need. */
MUST_CHECK status child_request(struct child *out, const char *const argv[], block_ref start_info);

/* The fork server's life. Returns STATUS_OK in each child (with its order), never in the server
 * itself, which ends with its parent. */
MUST_CHECK status forkserver_serve(const char *text, struct child_options *out);
/* Ends this process's fork server and its children, if there is one. */
void forkserver_stop(void);
/* In a forked child, on its only thread: the parent's server is not this process's. */
void forkserver_forget(void);

#endif
