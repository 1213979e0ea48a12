/* SPDX-License-Identifier: MIT */
/* A child: a worker process of the program, started in one of three ways and watched through a
 * pidfd.
 *
 *   fork        a copy of this process, for processes with one thread
 *   spawn       the program started again
 *   forkserver  a copy of a small process with one thread, which was itself started by spawn
 *
 * In each way the parent reserves the child's slot in the process table and makes its worker
 * status. A child does not outlive its parent: the kernel kills it when its parent thread ends, and
 * the fork server, which is such a child itself, when this process ends. One thread at a time uses
 * a child.
 */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "process/worker_status.h"
#include "shared/holds.h"
#include "shared/sweep.h"

/* The options that a started program gets on its command line; everything else is in the
 * segment. */
struct child_options {
  struct child_slot place;
  block_ref worker_status;
  block_ref start_info; /* see bindings/lua/worker/start_info.h */
  int32_t parent;       /* pid; a child that finds another parent is orphaned */
};

struct child {
  int32_t pid;
  int pidfd; /* -1: it ended, and was reaped by other code, before it could be watched */
  struct child_slot place;
  struct worker_status *worker_status;
  bool is_reaped_elsewhere; /* its parent is the fork server, which reports its end */
  bool has_ended;
  int exit_code;
};

enum child_side { CHILD_PARENT, CHILD_CHILD };

/* Forks this process; `passed` as in segment_share_with_child (shared/holds.h). In the child *side
 * is CHILD_CHILD, `out` is unchanged and *worker_status is the child's own. The child continues
 * where the parent was, must call forkserver_forget, and must end with process_exit_now. */
MUST_CHECK status child_fork(struct child *out, const struct object_list *passed, enum child_side *side,
                             struct worker_status **worker_status);
/* Runs argv; CHILD_OPTIONS in an argument is replaced by the options as text, which child_attach
 * reads. */
MUST_CHECK status child_spawn(struct child *out, const char *const argv[], block_ref start_info);
#define CHILD_OPTIONS "{options}"

/* Waits for the child's end. STATUS_OK: it has ended, and child_wait returns at once. Any number of
 * threads may wait here. */
MUST_CHECK status child_await(const struct child *c, deadline until);
/* Waits for the child's end and sets exit_code. One thread at a time. */
MUST_CHECK status child_wait(struct child *c, deadline until);
/* Closes the descriptor of an ended child early. No thread may be in child_await. */
void child_unwatch(struct child *c);
/* Sends a signal to the child, unless child_wait has noted its end. */
void child_signal(struct child *c, int signal_number);
/* Frees the child, which has ended. */
void child_fini(struct child *c);

/* In the started program: joins the segment. STATUS_DIED: the parent is gone. */
enum { CHILD_OPTIONS_MAX = 160 };
/* In a process that was started anew: reads the text of its command line and opens the segment.
 * On failure the process is none of a program's workers. */
MUST_CHECK status child_attach(const char *text, struct child_options *out);

#endif
