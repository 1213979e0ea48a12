/* SPDX-License-Identifier: MIT */
/* The Lua library of ours that a VM has open, as the layers below it see it.
 *
 * A worker's VM opens the same library that starts workers, and a embedded VM opens it below its
 * embedder. A lower file never calls the library by name; it calls through this table, which comes
 * down to it:
 *
 *     main, worker entry, C API ──► interpreter's thread, forked child, embedded VM ──► vm->library
 *
 * There is one table, a constant (bindings/lua/library.c).
 *
 * I1  open_handles sets vm->library, under the VM's lock. It does not change after that; a forked
 *     child has its parent's.
 */
#ifndef STATE_LIBRARY_H
#define STATE_LIBRARY_H

#include "state/lua_compat.h"

struct start_info;    /* bindings/lua/worker/start_info.h */
struct worker_status; /* process/worker_status.h */

/* The registry's key of what `require "manymoons"` returned; nil before it was called. */
#define VM_LIBRARY_KEY "manymoons"

enum shutdown {
  SHUTDOWN_JOIN,      /* wait for the workers that are not daemons, stop the others */
  SHUTDOWN_TERMINATE, /* stop all */
};

/* What a started worker does with the function and the arguments on top of the stack, `count` in
 * all; under the VM's lock. Its index is enum start_info_role. [-count, +0, raises] */
typedef void (*worker_role)(lua_State *L, const struct start_info *start_info,
                            struct worker_status *worker_status, int count);

struct vm_library {
  /* Messages with handles can be decoded from now on, in a VM that never required anything; sets
   * vm->library. May be called again. [-0, +0, raises] */
  void (*open_handles)(lua_State *L);
  /* `require` finds the library and its worlds without a file. Needs `package`. [-0, +0, raises] */
  void (*preload)(lua_State *L);
  /* In a forked child: the parent's workers are not this process's. [-0, +0, raises] */
  void (*after_fork)(lua_State *L);
  /* Ends the workers that scripts of this VM have started. Before the VM is closed.
   * [-0, +0, does not raise] */
  void (*end_workers)(lua_State *L, enum shutdown how);
  const worker_role *roles;
};

#endif
