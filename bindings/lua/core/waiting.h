/* SPDX-License-Identifier: MIT */
/* How a script waits: the VM's lock is left, a stop ends the wait, and meanwhile pools are looked
 * after. A thread that has tasks (world `async`) suspends the task that waits, and runs others.
 *
 * Every binding that may wait goes through wait_for, so what a wait means is said once. It is taken
 * in slices, shorter ones while the VM has pools: between two of them they replace workers that
 * died.
 *
 * A method that can say what it waits for is a waiting_method. It tries; where it found nothing,
 * and the thread has tasks, it returns waiting_would_wait, and waiting_run suspends the task until
 * the method should try again. Where the thread has none the method waits natively, by wait_for.
 * bindings/lua/core/waits.lua has both halves of each such wait side by side.
 *
 * I1  Whether there are tasks is asked after an attempt that found nothing: a method that does not
 *     have to wait pays one comparison (in Lua 5.1, the call of a Lua function).
 * I2  A method is the same function before and after tasks are used.
 * I3  A method that would wait holds nothing: a task may be cancelled where it waits. */
#ifndef BINDINGS_CORE_WAITING_H
#define BINDINGS_CORE_WAITING_H

#include "deadlock/endless_wait.h"
#include "state/lua_compat.h"
#include "state/raise.h"
#include "state/vm.h"

/* Waits until `until` at the longest, without Lua and without the VM's lock. STATUS_TIMEOUT and
 * STATUS_INTERRUPTED: it is called again if time is left and the VM need not stop. */
typedef status (*wait_attempt)(void *context, deadline until);
/* `call` names the wait in traces. Meanwhile other threads of the VM, and maintenance, use what
 * belongs to the VM: what was encoded has to be taken over first (state/transfer.h). What the last
 * attempt said. STATUS_INTERRUPTED: the VM is to stop; -EDEADLK: a task that waited was cancelled;
 * clean up, then raise_if_stopped. Does not raise. */
MUST_CHECK status wait_for(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                           deadline until) REQUIRES(rank_vm);
/* The same for a wait in a handle, which code of this VM may close meanwhile. `is_closed` is a field of
 * the handle's userdata, which stands on the caller's stack. STATUS_CLOSED as well: it was closed,
 * and the attempt had not succeeded. What the attempt uses has to outlive the handle
 * (shared_handle_hold). Does not raise. */
MUST_CHECK status wait_in_handle(lua_State *L, const bool *is_closed, enum trace_call call,
                                 wait_attempt attempt, void *context, deadline until) REQUIRES(rank_vm);
/* The same for a wait that nothing but this program can end (deadlock/endless_wait.h). `is_closed` may be NULL. */
MUST_CHECK status wait_in_program(lua_State *L, const bool *is_closed, enum trace_call call,
                                  wait_attempt attempt, void *context, deadline until) REQUIRES(rank_vm);
/* The same for one that the caller describes. STATUS_DEADLOCK as well: endless_wait_refuse raises. */
MUST_CHECK status wait_for_end(lua_State *L, struct endless_wait *e, enum trace_call call,
                               wait_attempt attempt, void *context, deadline until) REQUIRES(rank_vm);
/* Waits until the descriptor can be read or written without waiting, in the handle of wait_in_handle (NULL: in none).
 * STATUS_CLOSED as well; else as wait_for. Does not raise. */
enum waiting_for { WAITING_TO_READ, WAITING_TO_WRITE };
MUST_CHECK status waiting_descriptor(lua_State *L, const bool *is_closed, enum trace_call call,
                                     int descriptor, enum waiting_for what) REQUIRES(rank_vm);
/* Calls work(context) without the VM's lock, once; for a system call that has no descriptor to wait for. The stop
 * of the VM ends the system call with EINTR. [-0, +0, does not raise] */
void waiting_leave(lua_State *L, enum trace_call call, void (*work)(void *), void *context) REQUIRES(rank_vm);
/* Whether the calling thread has tasks, which such a call would keep from running. */
bool waiting_has_tasks(lua_State *L);
/* The handle at `index` is closed from now on: sets *is_closed, and ends the waits of this VM's threads
 * and tasks in it, and for its descriptor (-1: none), which is still open. [-0, +0, memory] */
void waiting_close(lua_State *L, int index, bool *is_closed, int descriptor) REQUIRES(rank_vm);
/* The same for waits beside which no task of this thread is to run: that of the loop itself
 * (async/loop.h), and that of a thread while another one runs the tasks. */
MUST_CHECK status wait_for_tasks(lua_State *L, enum trace_call call, wait_attempt attempt, void *context,
                                 deadline until) REQUIRES(rank_vm);
/* The same for what another thread of this VM has to do. STATUS_DEADLOCK as well: there is no deadline, and nothing else of
 * this VM runs (waiting_is_alone). */
MUST_CHECK status wait_for_other_threads(lua_State *L, enum trace_call call, wait_attempt attempt,
                                         void *context, deadline until) REQUIRES(rank_vm);
/* For a call that does not wait and found nothing: the tasks of this thread run, each until it waits;
 * then the call looks again. Without it a loop that polls would keep the tasks from what it polls for.
 * [-0, +0, raises] */
void waiting_give_turn(lua_State *L);
/* The same where what a raise would leave has to be freed. STATUS_OK: look again; STATUS_EMPTY: the thread
 * has no tasks; -EDEADLK: the calling task was cancelled; clean up, then raise_if_stopped. */
MUST_CHECK status waiting_try_turn(lua_State *L);
/* Raises if the wait ended because the VM is to stop, or the task that waited. [raises] */
void raise_if_stopped(lua_State *L, status st);
/* For handles of the serial world, where nobody could end a wait without a timeout but another task of
 * this thread: raises unless there is one. [raises] */
void refuse_endless_wait(lua_State *L, deadline until, const char *method);
/* Whether it would raise. */
bool waiting_is_endless(lua_State *L, deadline until);
/* Whether no Lua code of this VM runs while the caller waits, and nothing is known that ends it: there is no other
 * thread, no task, and no pool, which may call a callback; and the caller is no daemon. */
bool waiting_is_alone(lua_State *L);
/* Raises the mm.Error of a wait that ended with STATUS_DEADLOCK, because no other caller has the handle. [raises] */
NO_RETURN void waiting_refuse_alone(lua_State *L, const char *method, const char *class);

/* ---- methods that may wait ------------------------------------------------------------------- */

/* What a method waits for. */
enum wait_way {
#define WAY(number, name) WAIT_##number,
#include "core/waiting_ways.def"
#undef WAY
  WAIT_WAYS
};

/* A method's arguments: the first ones stay on the stack from one run to the next. */
enum { WAITING_ARGUMENTS = 4 };

/* The body of a method, with the method's arguments on the stack. It may run several times for one
 * call, each time until the same point in time. How many results it pushed, or
 * waiting_would_wait. */
typedef int (*waiting_method)(lua_State *L, deadline until);
/* Whether an attempt that found nothing ends with waiting_would_wait: time is left, and the thread
 * has tasks. */
bool waiting_as_task(lua_State *L, deadline until);
/* What a method returns to its wrapper instead of waiting, where it may not yield: the way to
 * wait. */
static inline int waiting_would_wait(enum wait_way way) { return -1 - (int)way; }
/* For a body of fewer arguments, which has to know whether its task has waited before: the last
 * argument says so. The method drops what a caller has passed there, waiting_again sets it and
 * returns waiting_would_wait(way). [-0, +0, memory] */
static inline void waiting_begin(lua_State *L) { lua_settop(L, WAITING_ARGUMENTS - 1); }
static inline int waiting_again(lua_State *L, enum wait_way way) {
  waiting_begin(L);
  lua_pushboolean(L, 1);
  return waiting_would_wait(way);
}
static inline bool waiting_has_waited(lua_State *L) { return lua_toboolean(L, WAITING_ARGUMENTS); }
/* For a body that would wait, and returned `would`: lets tasks run, and runs the body again, until
 * it has results. It may yield. [raises] */
int waiting_suspend(lua_State *L, waiting_method method, deadline until, int would) REQUIRES(rank_vm);
/* Runs the body: `return waiting_run(…)` ends a lua_CFunction. [raises] */
static inline int waiting_run(lua_State *L, waiting_method method, deadline until) REQUIRES(rank_vm) {
  const int count = method(L, until);
  return count >= 0 ? count : waiting_suspend(L, method, until, count);
}
/* Pushes a function whose end is waiting_run. Lua 5.1 lets no C function go on after a yield: there
 * a Lua function stands around it, which passes three arguments, or as many as there are to a
 * method that counts them. [-0, +1, memory] */
enum waiting_arguments { WAITING_FIXED, WAITING_COUNTED };
/* Pops the method and pushes it, wrapped where a C function that waits cannot yield. [-1, +1, memory] */
void waiting_wrap_method(lua_State *L, enum waiting_arguments arguments);
/* Pushes a function without arguments, for a generic `for`, that calls `method` with the handle at
 * index 1. waiting_iterated finds the handle. [-0, +1, memory] */
void waiting_push_iterator(lua_State *L, lua_CFunction method);
/* Methods of a class, up to one without a name; set in the table on top. [-0, +0, memory] */
struct waiting_entry {
  const char *name;
  lua_CFunction function;
  enum waiting_arguments arguments;
};
/* Sets the methods of a class, up to one without a name, in the table on top. [-0, +0, memory] */
void waiting_set_methods(lua_State *L, const struct waiting_entry *methods, const char *class);

enum wait_wake { WAKE_ONE, WAKE_ALL };
/* Wakes tasks that wait for the handle at `index` by `way`: true if some still wait.
 * [-0, +0, raises] */
bool waiting_wake(lua_State *L, int index, enum wait_way way, enum wait_wake how);

/* ---- for Lua --------------------------------------------------------------------------------- */

/* set_maintenance(f or nil, calls_back): f(false) is called between the slices of waits, to look after pools and bars,
 * and f(true), for bars alone, before a wait when there was no call for a while. f(false) → whether a pool has done
 * something, or will when a time has come: the wait then is not endless. calls_back: whether f(false) may call code of
 * the script. [-0, +0, memory] */
int waiting_set_maintenance(lua_State *L);
/* set_wait_pauser(f or nil): while the thread has tasks of the world `async`, a wait is a look and
 * f(seconds), again and again: f lets tasks of this thread run meanwhile. It raises if the task
 * that waits is cancelled. [-0, +0, memory] */
int waiting_set_pauser(lua_State *L);
/* set_waits(begin, wake, close, descriptor): begin(scheduler, handle, way, due or nil, can_yield) makes the calling
 * task a waiter and returns what it has to yield; or nil when the method should try again at once: it was ready
 * after all, or the caller, which could not yield, has waited. wake(handle, way, is_all) → whether
 * tasks still wait. close(handle, descriptor or nil): tasks that wait for
 * either try again. descriptor(fd, is_write) returns when it is ready, or closed; other tasks run meanwhile.
 * [-0, +0, memory] */
int waiting_set_waits(lua_State *L);
/* wait_ways() → the names of all ways. [-0, +1, memory] */
int waiting_ways(lua_State *L);
/* iterated(f) → the handle whose iterator f is; nil: f is none. [-0, +1, memory] */
int waiting_iterated(lua_State *L);
/* set_busy(scheduler or nil): the calling thread has tasks, or has none any more. scheduler.live:
 * how many. [-0, +0, memory] */
int waiting_set_busy(lua_State *L);
/* busy() → the scheduler of the calling thread and can_yield(); nothing: it has no tasks.
 * [-0, +0 or +2, memory] */
int waiting_busy(lua_State *L);
/* can_yield() → whether the caller is the coroutine of the task that runs, where it may yield.
 * [-0, +1, memory] */
int waiting_can_yield(lua_State *L);
/* make_way(): other threads of the VM run now if they have waited long enough. [-0, +0, raises] */
int waiting_make_way(lua_State *L) REQUIRES(rank_vm);

#endif
