/* SPDX-License-Identifier: MIT */
/* How this room waits: the seam of core/waiting.h, without its form of errors, for the functions here raise those of
 * Lua's own library.
 *
 * Other threads of the VM run meanwhile; in a task, other tasks as well: a wait for a descriptor suspends the task, and
 * a system call that has none runs on a thread of its own, the helper, which ends with it. A wait that is ended
 * (the VM is to stop, or the task was cancelled) interrupts the helper's system call and joins the helper, so what it
 * uses may stand on the caller's stack.
 *
 * No function raises but away_raise, so that a caller can clean up between. */
#ifndef BINDINGS_IO_AWAY_H
#define BINDINGS_IO_AWAY_H

#include "base/status.h"
#include "os/futex.h"
#include "state/lua_compat.h"
#include "sync/lock_rank.h"

enum away_reason { AWAY_FILE, AWAY_COMMAND };
enum away_what { AWAY_TO_READ, AWAY_TO_WRITE };

/* Waits until the descriptor can be read or written at once. *is_closed (or NULL): STATUS_CLOSED when another thread or
 * task has set it, and has called away_close. STATUS_INTERRUPTED, -EDEADLK: clean up, then away_raise. */
MUST_CHECK status away_wait(lua_State *L, const bool *is_closed, enum away_reason reason, int descriptor,
                            enum away_what what) REQUIRES(rank_vm);
/* Calls work(context). Results as of away_wait; the work was done in any case, but its system call may have ended
 * with EINTR. */
MUST_CHECK status away_do(lua_State *L, void (*work)(void *), void *context) REQUIRES(rank_vm);
/* The same where other tasks may be kept from running for as long as it takes: it does not fail. */
void away_do_shortly(lua_State *L, void (*work)(void *), void *context) REQUIRES(rank_vm);
/* Whether the calling thread has tasks; and whether nothing else of the VM can run while it waits. */
bool away_has_tasks(lua_State *L);
bool away_is_alone(lua_State *L);
/* A thread, and its task that runs, if it has one. */
struct away_caller {
  const void *thread;
  const void *task;
};
struct away_caller away_caller(lua_State *L);
/* Whether the caller is the code that a stand-alone interpreter would run: on the first thread of the
 * process, in the first thread of its VM, and no task. */
bool away_is_main(lua_State *L);
/* Until *word is no longer `seen`; a change wakes it by futex_wake. Results as of away_wait. */
MUST_CHECK status away_until_changed(lua_State *L, futex_word *word, uint32_t seen) REQUIRES(rank_vm);
/* The handle at `index` is closed: sets *is_closed, and ends waits for it and its descriptor. [-0, +0, memory] */
void away_close(lua_State *L, int index, bool *is_closed, int descriptor) REQUIRES(rank_vm);
/* Raises if the wait ended because the VM is to stop, or the task was cancelled. [-0, +0, raises] */
void away_raise(lua_State *L, status st);

#endif
