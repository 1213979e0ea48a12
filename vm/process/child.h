/* SPDX-License-Identifier: MIT */
/* A process of the program: started in one of three ways, watched through a pidfd,
 * never left behind.
 *
 *   fork        a copy of this process, for processes with one thread
 *   spawn       the program run anew
 *   forkserver  a copy of a small process of ours that was run anew once and has one thread
 *
 * In each way, the child has a slot in the process table (reserved by us), a worker status (ours), and dies with
 * us: the kernel kills it when its parent thread ends, and the fork server, which is such a child
 * itself, when we do. One thread at a time uses a child.
 */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "process/worker_status.h"
#include "shared/holds.h"
#include "shared/sweep.h"

/* What a started program gets on its command line; everything else is in the segment. */
struct child_options {
  struct child_slot place;
  block_ref worker_status;
  block_ref start_info; /* what the worker is to do; see bindings/lua/worker/start_info.h */
  int32_t parent; /* pid: whoever finds another parent was orphaned before it could ask to die with it */
};

struct child {
  int32_t pid;
  int pidfd; /* -1: it had ended, and was reaped by others, before it could be watched */
  struct child_slot place;
  struct worker_status *worker_status;
  bool is_reaped_elsewhere; /* its parent is the fork server, who reports its end in the worker status */
  bool has_ended;
  int exit_code;
};

enum child_side { CHILD_PARENT, CHILD_CHILD };

/* A copy of this process; `passed` as in segment_share_with_child (shared/holds.h). In the child
 * *side is CHILD_CHILD and `out` is untouched: it goes on where the parent was, with *worker status its own
 * worker status, lets go of the parent's fork server (forkserver_forget), and must end with
 * process_exit_now. */
MUST_CHECK status child_fork(struct child *out, const struct object_list *passed, enum child_side *side,
                             struct worker_status **worker_status);
/* Runs argv; each argument that is CHILD_ORDER is replaced by the order as text
 * (child_options_parse reads it). */
MUST_CHECK status child_spawn(struct child *out, const char *const argv[], block_ref start_info);
#define CHILD_ORDER "{order}"

/* STATUS_OK: it has ended; child_wait will say how, at once. Any number of threads may sleep in it. */
MUST_CHECK status child_await(const struct child *c, deadline until);
/* STATUS_OK: it has ended, and exit_code says how. One thread at a time. */
MUST_CHECK status child_wait(struct child *c, deadline until);
/* Gives the descriptor of an ended child back early; nobody may be in child_await. */
void child_unwatch(struct child *c);
void child_signal(struct child *c, int signal_number);
/* Only after its end. */
void child_fini(struct child *c);

/* In the started program: attaches to the segment. STATUS_DIED: the parent has gone already. */
enum { CHILD_ORDER_MAX = 160 };
MUST_CHECK status child_attach(const char *text, struct child_options *out);

#endif
