/* SPDX-License-Identifier: MIT */
/* The steps that all ways of starting a child share; defined in child.c. For child.c and
 * forkserver.c alone: other files call child_fork, child_spawn and child_request.
 *
 * A child is prepared, launched and watched; child_abandon undoes each of these states. No lock;
 * one thread at a time uses a child.
 */
#ifndef PROCESS_CHILD_START_H
#define PROCESS_CHILD_START_H

#include "shared/arena.h"

struct child;
struct child_options;

/* Reserves a slot, a worker status and a descriptor for a child; child_abandon releases them. */
MUST_CHECK status child_prepare(struct child *c);
/* A child that did not start: frees its slot and its status. Nothing waits for a process. */
void child_abandon(struct child *c);
/* The command-line options of the prepared child. */
struct child_options child_options_for(const struct child *c, block_ref start_info);
/* Runs argv with `options` as text, and with `channel` (or -1) inherited. */
MUST_CHECK status child_launch(const char *const argv[], const struct child_options *options, int channel,
                               int32_t *pid);
/* Makes c->pidfd a pidfd of c->pid. On failure the process was killed. */
MUST_CHECK status child_watch(struct child *c);
/* In the started program: as child_attach; *channel is the channel that it inherited, or -1. */
MUST_CHECK status child_attach_with_channel(const char *text, struct child_options *out, int *channel);

#endif
