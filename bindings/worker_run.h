/* SPDX-License-Identifier: MIT */
/* The worker's side: from a birth to an exit code. */
#ifndef BINDINGS_WORKER_RUN_H
#define BINDINGS_WORKER_RUN_H

#include "birth.h"
#include "state/vm.h"
#include "task/cell.h"

/* Runs a birth in a VM that is fresh and entered; reports what went wrong to stderr; joins the worker's own
 * children. Returns the exit code. Does not raise. */
int worker_run(struct vm *vm, const struct birth *birth, struct cell *cell);

/* The forked child: the settings at `settings` and, above it, a function and its arguments (process) or the
 * initializer and its (pool) are on the stack; the VM is a copy of the parent's. Ends the process. */
NO_RETURN void worker_run_forked(lua_State *L, int settings, const struct birth *birth, struct cell *cell);

#endif
