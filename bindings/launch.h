/* SPDX-License-Identifier: MIT */
/* How the running program is run anew as a worker: "use the host's own Lua". */
#ifndef BINDINGS_LAUNCH_H
#define BINDINGS_LAUNCH_H

#include "base/status.h"
#include "state/lua_compat.h"

enum { LAUNCH_ARGUMENTS = 4, LAUNCH_TEXT = 8192 };

struct launch {
  const char *argv[LAUNCH_ARGUMENTS];
  char program[4096];
  char script[LAUNCH_TEXT];
};

enum launch_kind { LAUNCH_WORKER, LAUNCH_FORKSERVER };

/* STATUS_OK, or -ENOSYS: this host cannot be run anew as a worker. The texts live in `out`. */
MUST_CHECK status launch_prepare(struct launch *out, enum launch_kind kind);

/* main calls it for argv[1] "--worker" and "--forkserver". Does not return. */
NO_RETURN void launch_enter(enum launch_kind kind, const char *order);

#endif
