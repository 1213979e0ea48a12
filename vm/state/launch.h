/* SPDX-License-Identifier: MIT */
/* How a worker process of this host comes to be: with the host's own Lua, whatever the host is. The process
 * begins in bindings/worker_entry.h. */
#ifndef STATE_LAUNCH_H
#define STATE_LAUNCH_H

#include <stdbool.h>

#include "base/status.h"

enum { LAUNCH_ARGUMENTS = 6, LAUNCH_PATH = 4096, LAUNCH_TEXT = 8192 };

struct launch {
  const char *argv[LAUNCH_ARGUMENTS];
  char program[LAUNCH_PATH];
  char script[LAUNCH_TEXT];
  char module[LAUNCH_PATH];
  int helper; /* the descriptor behind `program`, or -1 */
};

enum launch_kind { LAUNCH_WORKER, LAUNCH_FORKSERVER };

/* The argv of a worker, whose texts live in `out`. -ENOSYS: this host's Lua is in its program, and no library
 * of the same version is installed. After the start, or its failure: launch_end. */
MUST_CHECK status launch_prepare(struct launch *out, enum launch_kind kind);
void launch_end(struct launch *l);
/* Whether a copy of this process would be as good a worker: the host is our program or a stand-alone Lua, and
 * not a game or an editor that has windows, files and loops of its own. */
bool launch_may_fork(void);

#endif
