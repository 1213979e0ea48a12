/* SPDX-License-Identifier: MIT */
/* The command line that starts a worker process with the Lua of this host, whatever the host is.
 * The process enters at bindings/worker_entry.h. */
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
  int helper; /* the descriptor of `program`; -1: none */
};

enum launch_kind { LAUNCH_WORKER, LAUNCH_FORKSERVER };

/* Prepares the argv of a worker, whose texts are in `out`. The caller calls launch_end after the
 * start or its failure. -ENOSYS: this host's Lua is part of its program, and no library of the same
 * version is installed. */
MUST_CHECK status launch_prepare(struct launch *out, enum launch_kind kind);
/* Closes what launch_prepare opened; processes that were started keep it. It may be called
 * twice. */
void launch_end(struct launch *l);
/* Whether a forked copy of this process can be a worker: the host is `manymoons` or a stand-alone
 * Lua, and not a game or an editor with windows, files and event loops of its own. */
bool launch_may_fork(void);

#endif
