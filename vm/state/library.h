/* SPDX-License-Identifier: MIT */
/* The interface of the Lua library `manymoons` for the layers below it.
 *
 * A worker's VM opens the same library that starts workers, and so does an embedded VM. A lower
 * layer never calls the library by name. It calls through this table, which the upper layers pass
 * down:
 *
 *     main, worker entry, C API ──► interpreter's thread, forked child, embedded VM ──► vm->library
 *
 * There is one table, a constant (bindings/lua/library.c).
 *
 * I1  open_handles sets vm->library, under the VM lock. It does not change after that; a forked
 *     child inherits it.
 */
#ifndef STATE_LIBRARY_H
#define STATE_LIBRARY_H

#include <stdbool.h>

#include "state/lua_compat.h"

struct guard;         /* process/guard.h */
struct start_info;    /* bindings/lua/worker/start_info.h */
struct worker_status; /* process/worker_status.h */

/* The registry key of the result of `require "manymoons"`; nil before the first call. */
#define VM_LIBRARY_KEY "manymoons"
/* The registry key of `mm.frame`, which the VMs of C programs alone have; else nil. */
#define VM_FRAME_KEY "manymoons.frame"

/* Whether the VM has required the library. [-0, +0, raises] */
bool library_is_required(lua_State *L);
/* Requires it, unless the VM has done so. False: the VM has no libraries. [-0, +0, raises] */
bool library_require(lua_State *L);

enum shutdown {
  SHUTDOWN_JOIN,      /* wait for the workers that are not daemons, stop daemons */
  SHUTDOWN_TERMINATE, /* stop all */
};

/* The main function of a worker: gets `count` values on top of the stack, the function and its
 * arguments. Called under the VM lock. `roles` is indexed by enum start_info_role.
 * [-count, +0, raises] */
typedef void (*worker_role)(lua_State *L, const struct start_info *start_info,
                            struct worker_status *worker_status, int count);

/* The main function of the guard of a sandboxed worker in that role: serves it until its end. */
typedef void (*worker_guard)(struct guard *g, const struct start_info *start_info);

struct vm_library {
  /* Prepares a VM for messages with handles, also if its scripts never call `require`; sets
   * vm->library. May be called again. [-0, +0, raises] */
  void (*open_handles)(lua_State *L);
  /* Lets `require` find the library and its worlds without a file. Needs the library `package`.
   * [-0, +0, raises] */
  void (*preload)(lua_State *L);
  /* In a forked child: forgets the workers of the parent. [-0, +0, raises] */
  void (*after_fork)(lua_State *L);
  /* Ends the workers that scripts of this VM have started; call it before the VM is closed.
   * [-0, +0, never raises] */
  void (*end_workers)(lua_State *L, enum shutdown how);
  const worker_role *roles;
  const worker_guard *guards; /* indexed as `roles` */
};

#endif
