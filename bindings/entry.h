/* SPDX-License-Identifier: MIT */
/* Where a worker process begins, however it was started (state/launch.h). */
#ifndef BINDINGS_ENTRY_H
#define BINDINGS_ENTRY_H

#include "base/annotations.h"
#include "state/launch.h"

/* main calls it for argv[1] "--worker" and "--forkserver"; in other hosts luaopen_manymoons_worker
 * and _forkserver do. */
NO_RETURN void entry_run(enum launch_kind kind, const char *order);

#endif
