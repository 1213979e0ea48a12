/* SPDX-License-Identifier: MIT */
/* The steps that all ways of starting a child share; defined in child.c. For child.c and
 * forkserver.c alone: all others call child_fork, child_spawn and child_request.
 *
 * A child is prepared, launched and watched; child_abandon ends each of these states. No lock; one
 * thread at a time uses a child.
 */
#ifndef PROCESS_CHILD_START_H
#define PROCESS_CHILD_START_H

#include "shared/arena.h"

struct child;
struct child_options;

/* A place for a child and a descriptor for its watch; both given back. */
MUST_CHECK status child_prepare(struct child *c);
void child_abandon(struct child *c);
/* What the prepared child is told on its command line. */
struct child_options child_options_for(const struct child *c, block_ref start_info);
/* Runs argv with `order` as text and `channel` (or -1) inherited. */
MUST_CHECK status child_launch(const char *const argv[], const struct child_options *order, int channel,
                               int32_t *pid);
/* From now on the pidfd is that of c->pid. On failure the process was killed. */
MUST_CHECK status child_watch(struct child *c);
/* In the started program: as child_attach, with the channel that it inherited, or -1. */
MUST_CHECK status child_attach_with_channel(const char *text, struct child_options *out, int *channel);

#endif
