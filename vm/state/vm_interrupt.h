/* SPDX-License-Identifier: MIT */
/* Stopping a thread of a VM that runs or waits, and asking a thread to make way for others.
 *
 * lua_sethook from another thread is a use-after-free on Lua 5.4; from a signal handler on the VM's
 * own thread it is safe. So the requester stores the reason and signals the VM's thread, whose
 * handler arms a hook. A signal may be lost: it may arrive between two coroutines, and on 5.4
 * between the interpreter's reading of the hook mask and its clearing of the trap (measured 2026,
 * Lua 5.4.4). So the requester repeats it, with growing pauses, until the VM has ended. The signal
 * also ends the system call in which a waiting VM sleeps.
 *
 * The error of a final stop is raised at each instruction, so that no code can catch it. A worker has
 * a grace before that (vm_grant_grace): the error is raised once, and the code after it, which are
 * `<close>` variables and what follows a pcall, runs and waits as ever for 40 ticks of 2.5 ms. Code
 * that goes on nevertheless gets a second error and a second grace, so that a function that calls
 * pcall in a loop closes its variables as well; then the stop is final. Code that polls
 * (vm_is_asked_to_stop) has as many ticks to see it before the first error, and all code has two to
 * begin with that. VM_STOP_KILL has no grace.
 *
 * Not stoppable are:
 *   - a C function that does not return to Lua, and does not count its steps (counted.h)
 *   - a loop that LuaJIT has compiled
 *   - on PUC 5.1 a loop inside a coroutine, because a hook belongs to one coroutine there, and
 *     coroutines are not tracked (coroutines.h)
 *
 * In a finalizer, in a hook and in a message handler that either calls, Lua runs no hook. There the second
 * signal of a request has it run (hook_permission.h). A stop runs no message handler of the script
 * (message_handlers.h).
 *
 * A request needs Lua's one hook, and a script that uses debug.sethook keeps its own. A script's
 * hook without a count is saved while a request is armed, and restored when the request's hook
 * runs. With a count, restoring would restart the count each time. Such hooks count in slices here,
 * and check for requests at the end of each slice; no other hook is armed.
 */
#ifndef STATE_VM_INTERRUPT_H
#define STATE_VM_INTERRUPT_H

#include "state/vm.h"

/* Requests a stop from a signal handler on the VM's own thread. Async-signal-safe. */
void vm_interrupt_from_signal(struct vm *vm, enum vm_stop why);
/* Requests a stop from another thread, and sends the signal. The caller repeats it until the thread
 * has ended. */
void vm_thread_interrupt(struct vm_thread *t, enum vm_stop why);
/* The same for the VM's main thread. */
void vm_interrupt(struct vm *vm, enum vm_stop why);
/* `thing` was closed. Ends the sleep of each thread of the VM that waits for it (vm_thread.waits_for), or for
 * any of many things: the wait looks again. A thread that has not begun to sleep may miss it. */
void vm_wake_waiters(struct vm *vm, const void *thing) REQUIRES(rank_vm);
/* For a worker process: its parent requests a stop by setting *word and sending the signal. The
 * calling thread is the VM's main thread. */
void vm_obey(struct vm *vm, const _Atomic uint64_t *word);
/* Sets a deadline: the first interrupt signal or poll after `at` stops this thread's code in the
 * VM. vm_clear_stop removes it. */
void vm_stop_at(struct vm *vm, deadline at);
/* For a VM that does not use signals: checks for stops every thousand instructions from now on,
 * including in coroutines that are made later. Loops of Lua 5.4 then take twice as long. On LuaJIT
 * it turns the compiler off, because compiled loops run no hooks. */
void vm_poll_stops(struct vm *vm) REQUIRES(rank_vm);
/* Calls pause(argument) from running Lua of the main thread, once vm_pause_at's time has come: `pause`
 * returns when the code may go on. It is called from hooks, and from C functions that count steps, where
 * the Lua state is whole; so other code may use another lua_State of the VM meanwhile, as in any C
 * function. For a VM that polls. */
enum vm_pauses { VM_PAUSES_BY_TIME, VM_PAUSES_BY_COUNT };
void vm_pause_with(struct vm *vm, void (*pause)(void *argument), void *argument, enum vm_pauses how);
/* From then on each look pauses; never: none does. */
static inline void vm_pause_at(struct vm *vm, deadline at) {
  vm->polling.pause_at_ns = deadline_is_never(at) ? 0 : at.ns;
}
/* VM_PAUSES_BY_COUNT: it pauses after so many instructions from now on. The same code pauses at the same
 * instruction each time. */
static inline void vm_pause_after(struct vm *vm, int64_t instructions) { vm->polling.left = instructions; }
static inline int64_t vm_instructions_left(const struct vm *vm) { return vm->polling.left; }
/* Pauses the main thread now, for a wait of C code: it should look again in the next poll. False: this VM,
 * or this thread, does not pause. [-0, +0, does not raise] */
bool vm_wait_for_poll(lua_State *L, struct vm *vm);
static inline bool vm_pauses(struct vm *vm) { return vm->polling.pause && vm_self(vm) == &vm->main; }
/* Whether the pause under way is such a one. */
static inline bool vm_waits_for_poll(const struct vm *vm) { return vm->polling.waits; }
/* Obeys a stop and pauses, where they are due. [raises if a stop is requested] */
void vm_look_up(lua_State *L, struct vm *vm);
/* Counts `steps` of a C function that may run for long, each some nanoseconds, and looks up after
 * thousands of them. The values that the function uses are on the stack. [raises as vm_look_up] */
static inline void vm_steps(lua_State *L, struct vm *vm, unsigned steps) {
  if (vm->polling.steps_left > steps)
    vm->polling.steps_left -= steps;
  else
    vm_look_up(L, vm);
}
/* In a VM that notes_stops: where the code was that a stop of the main thread ended, with a traceback.
 * NULL: none did, or memory ran out. Until vm_clear_stop. */
static inline const char *vm_stop_place(const struct vm *vm) { return vm->stop_place; }
/* Requests a stop from another thread without a signal, for a VM that polls. */
void vm_ask_to_stop(struct vm *vm, enum vm_stop why);
/* Installs the handler of SIGNAL_INTERRUPT. Needed before a thread gets that signal by other means
 * than vm_interrupt. -EBUSY: the host uses the signal. */
MUST_CHECK status vm_prepare_stops(void);
/* From now on a stop of this thread that is neither VM_STOP_KILL nor VM_STOP_EXIT leaves time to clean up.
 * For the workers of this library, which run nothing after it. */
void vm_grant_grace(struct vm *vm);
/* For a worker process, after vm_grant_grace, on its first thread: SIGTERM stops the VM, and ends the process after
 * the grace, or where nothing is to stop. */
void vm_obey_sigterm(struct vm *vm);
/* Whether this thread was asked to end; for code that polls. Cheap. [-0, +0, does not raise] */
bool vm_is_asked_to_stop(struct vm *vm);
/* The polling of one call is not that of the next. */
void vm_forget_polling(struct vm *vm);
/* Withdraws this thread's stop and deadline, so that it can run Lua again. */
void vm_clear_stop(struct vm *vm);
/* Withdraws this thread's stop and ignores all later ones, so that the end of the VM (waiting for
 * workers, finalizers) is not interrupted. */
void vm_end_stops(struct vm *vm);

/* Whether the calling thread of the VM was asked to stop: true until the stop is withdrawn. For code that
 * judges a failure, or is about to begin something new. */
static inline bool vm_should_stop(struct vm *vm) {
  return atomic_load_explicit(&vm_self(vm)->stop, memory_order_relaxed) != VM_STOP_NONE;
}
/* Whether the stop of this thread is to be raised: not in its grace. Async-signal-safe. */
static inline bool vm_stop_is_due(const struct vm_thread *t) {
  const int stop = atomic_load_explicit(&t->stop, memory_order_relaxed);
  return stop >= VM_STOP_KILL || (stop != VM_STOP_NONE && atomic_load(&t->grace.ticks) == 0);
}
/* Whether it has to stop now: as vm_should_stop, but false in its grace. For hooks and waits, which then call
 * vm_raise_stop. */
bool vm_must_stop(struct vm *vm);
/* Whether a thread that stopped was asked to by another one, or by a time limit. */
static inline bool vm_was_stopped(const struct vm_thread *t) {
  const int stop = atomic_load(&t->stop);
  return stop != VM_STOP_NONE && stop != VM_STOP_EXIT;
}
/* Lets waiters for the lock interrupt its holder. Call it before a second thread runs in the VM.
 * False: the holder cannot be interrupted, so threads take turns only where they wait. LuaJIT runs
 * no hooks in compiled code, and has one hook for the whole VM. */
bool vm_prepare_threads(struct vm *vm) REQUIRES(rank_vm);

/* Installs the handler of the signal that asks threads to make way, and lets it in on the calling
 * thread: also the sampler sends it (sampler.h). -EBUSY: no signal is free. */
MUST_CHECK status vm_prepare_requests(void);
/* For a host's own VM that has workers: another program may look at its stacks (sampler.h) also while it runs. In a
 * coroutine it is seen once that has come back to the main state. [-0, +0, does not raise] */
void vm_prepare_looks(lua_State *L, struct vm *vm) REQUIRES(rank_vm);

/* Raises the stop's error in the running code; once it is final, again at each instruction of code that
 * catches it. [raises] */
NO_RETURN void vm_raise_stop(lua_State *L, struct vm *vm);
/* Passes on the error of a stop that was caught: the grace goes on. [raises] */
NO_RETURN void vm_pass_stop(lua_State *L, struct vm *vm);
/* Whether the value at `index` is the error of this thread's stop. [-0, +0, does not raise] */
bool vm_is_stop(lua_State *L, int index);
/* os.exit in a worker: stops the VM with an exit code. [raises] */
NO_RETURN void vm_raise_exit(lua_State *L, struct vm *vm, int code);

/* For coroutines.c: arms the request's hook in `L`; it runs at the next instruction, and does
 * nothing if no request is pending. Call it on the thread that runs L. Async-signal-safe. */
void vm_arm(struct vm_thread *t, lua_State *L);

/* Wraps debug.sethook and debug.gethook, so that hooks with a count use slices. [-0, +0, raises] */
void hooks_install(lua_State *L);

#endif
