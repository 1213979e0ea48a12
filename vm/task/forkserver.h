/* SPDX-License-Identifier: MIT */
/* The fork server: a small process with one thread, from which a host with many starts clean children.
 *
 * One for each process that needs it, started at the first need; ours to talk to under rank_forkserver.
 *
 *     us → server   struct child_order
 *     server → us   int32_t pid and the pidfd, or -errno
 *
 * The server reaps its children and writes how they ended into their cells. It ends when our end of the
 * socket closes, and its children with it; the death of the thread that happened to start it does not matter.
 */
#ifndef TASK_FORKSERVER_H
#define TASK_FORKSERVER_H

#include "task/child.h"

/* Asks this process's server, starting it with `argv` if there is none. `c` is prepared, and is watched on
 * success; on failure there is no process. */
MUST_CHECK status forkserver_ask(const char *const argv[], const struct child_order *order, struct child *c);

/* In child.c. A place for a child and a descriptor for its watch; both given back. */
MUST_CHECK status child_prepare(struct child *c);
void child_abandon(struct child *c);
/* From now on the pidfd is that of c->pid. On failure the process was killed. */
MUST_CHECK status child_watch(struct child *c);
/* Runs argv with `order` as text and `channel` (or -1) inherited. */
MUST_CHECK status child_launch(const char *const argv[], const struct child_order *order, int channel,
                               int32_t *pid);
MUST_CHECK status child_attach_with_channel(const char *text, struct child_order *out, int *channel);

#endif
