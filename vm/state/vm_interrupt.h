/* SPDX-License-Identifier: MIT */
/* Stopping a thread of a VM that runs or waits, and asking one to make way for others.
 *
 * lua_sethook from another thread is a use-after-free on Lua 5.4; from a signal handler on the VM's
 * own thread it is safe. So a thread that wants a VM to stop stores the reason and sends the VM's
 * thread a signal, again and again with growing pauses until the VM shows that it has seen it: a
 * signal may strike between two coroutines, and on 5.4 between the interpreter's reading of the
 * hook mask and its clearing of the trap (measured 2026, Lua 5.4.4), and is lost then. The signal
 * also ends the system call in which a waiting VM sleeps.
 *
 * What cannot be stopped:
 *   - a C function that does not come back to Lua
 *   - a finalizer, in which Lua runs no hooks
 *   - a loop that LuaJIT has compiled
 *   - on PUC 5.1 a loop inside a coroutine, for hooks belong to one coroutine there and we
 *     do not follow them
 *
 * Requests need Lua's one hook, and scripts that use debug.sethook keep theirs. Without a count,
 * the script's hook is remembered while a request is armed, and put back when it fires. With a
 * count, putting it back would start its count anew each time: so those count in slices here, and
 * look for requests at the end of each slice; no hook is armed there.
 */
#ifndef STATE_VM_INTERRUPT_H
#define STATE_VM_INTERRUPT_H

#include "state/vm.h"

/* Async-signal-safe; on the VM's own thread. */
void vm_interrupt_from_signal(struct vm *vm, enum vm_stop why);
/* From another thread: asks once more and sends the signal. Call it until has_stopped or the thread's end. */
void vm_thread_interrupt(struct vm_thread *t, enum vm_stop why);
/* The same for the VM's main thread. */
void vm_interrupt(struct vm *vm, enum vm_stop why);
/* The VM's main thread is that of its process, whose parent may set the word: with the signal that
 * follows it is a stop. */
void vm_obey(struct vm *vm, const _Atomic uint64_t *word);
/* What this thread runs in the VM is stopped at `at`, by the next interrupt signal or poll after
 * it; until vm_clear_stop. */
void vm_stop_at(struct vm *vm, deadline at);
/* For VMs that signals are not to reach: from now on they look for stops every thousand instructions, in
 * coroutines made from now on as well. That makes loops of Lua 5.4 take twice as long, and turns LuaJIT's
 * compiler off, whose loops look at nothing. Entered. */
void vm_poll_stops(struct vm *vm) REQUIRES(rank_vm);
/* One look of theirs, in a hook of somebody else. [raises if it is to stop] */
void vm_poll_stop(lua_State *L);
/* From another thread: the same stop, where no signal is to be sent. */
void vm_ask_to_stop(struct vm *vm, enum vm_stop why);
/* Before anybody sends SIGNAL_INTERRUPT to a thread of ours by other means than vm_interrupt.
 * -EBUSY: the host uses it. */
MUST_CHECK status vm_prepare_stops(void);
/* The stop is over: a REPL goes on with its next line. */
void vm_clear_stop(struct vm *vm);
/* What was to be stopped is over, and what comes now (children, finalizers) is not to be: no stop
 * counts from here on. */
void vm_end_stops(struct vm *vm);

static inline bool vm_should_stop(struct vm *vm) {
  return atomic_load_explicit(&vm_self(vm)->stop, memory_order_relaxed) != VM_STOP_NONE;
}
/* Before a second thread runs in the VM: lets waiters for the lock ask its holder. False: it cannot
 * be asked (LuaJIT runs no hooks in compiled code, and one hook at a time in the whole VM), so
 * threads take turns only where they wait. */
bool vm_prepare_threads(struct vm *vm) REQUIRES(rank_vm);

/* Raises the stop's error in the running code, and again at each instruction of code that
 * catches it. [raises] */
NO_RETURN void vm_raise_stop(lua_State *L, struct vm *vm);
/* os.exit in a worker. [raises] */
NO_RETURN void vm_raise_exit(lua_State *L, struct vm *vm, int code);

/* For coroutines.c: a request of `t` strikes `L` at its next instruction; where nothing is asked,
 * the hook finds nothing to do. Async-signal-safe, on the thread that runs L. */
void vm_arm(struct vm_thread *t, lua_State *L);

/* Puts debug.sethook and debug.gethook of ours in the place of Lua's, which they call. [-0, +0,
 * raises] */
void hooks_install(lua_State *L);

#endif
