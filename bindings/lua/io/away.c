/* SPDX-License-Identifier: MIT */
#include "io/away.h"

#include <errno.h>

#include "core/waiting.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/wakeup.h"
#include "state/vm_interrupt.h"

static enum trace_call call_of(enum away_reason reason) {
  return reason == AWAY_COMMAND ? TRACE_CALL_COMMAND : TRACE_CALL_FILE;
}

status away_wait(lua_State *L, const bool *is_closed, enum away_reason reason, int descriptor,
                 enum away_what what) {
  return waiting_descriptor(L, is_closed, call_of(reason), descriptor,
                            what == AWAY_TO_WRITE ? WAITING_TO_WRITE : WAITING_TO_READ);
}

bool away_has_tasks(lua_State *L) { return waiting_has_tasks(L); }

bool away_is_alone(lua_State *L) { return vm_of(L)->threads == 1 && !waiting_has_tasks(L); }

struct away_caller away_caller(lua_State *L) {
  const struct vm_thread *self = vm_self(vm_of(L));
  return (struct away_caller){self, self->task};
}

bool away_is_main(lua_State *L) {
  struct vm *vm = vm_of(L);
  return vm_self(vm) == &vm->main && thread_kernel_id() == process_pid() && !waiting_has_tasks(L);
}

/* ---- the helper ------------------------------------------------------------------------------ */

struct helper {
  void (*work)(void *);
  void *context;
  struct thread thread;
  int wakeup; /* rung at the end */
  futex_word is_done;
};

static void helper_main(void *argument) {
  struct helper *h = argument;
  (void)vm_thread_bound(); /* its first use may allocate, which the handler of the interrupt must not */
  signals_let_interrupts_in();
  h->work(h->context);
  atomic_store_explicit(&h->is_done, 1, memory_order_release);
  (void)futex_wake(&h->is_done, 1);
  wakeup_ring(h->wakeup);
}

/* A signal may come just before the system call, so it is repeated. */
static void interrupt_and_wait(void *context) {
  struct helper *h = context;
  const double again_seconds = 0.01;
  const bool can_interrupt = vm_prepare_stops() == STATUS_OK;
  while (!atomic_load_explicit(&h->is_done, memory_order_acquire)) {
    if (can_interrupt) thread_signal(&h->thread, SIGNAL_INTERRUPT);
    (void)!futex_wait(&h->is_done, 0, can_interrupt ? deadline_after(again_seconds) : deadline_never());
  }
}

static status wait_for_helper(lua_State *L, struct helper *h) REQUIRES(rank_vm) {
  status st = STATUS_OK;
  while (!st && !atomic_load_explicit(&h->is_done, memory_order_acquire))
    st = waiting_descriptor(L, NULL, TRACE_CALL_FILE, h->wakeup, WAITING_TO_READ);
  if (st) waiting_leave(L, TRACE_CALL_FILE, interrupt_and_wait, h);
  thread_join(&h->thread);
  return st;
}

/* Without memory or threads (a sandbox) the caller does the work itself. */
static status do_by_helper(lua_State *L, void (*work)(void *), void *context) REQUIRES(rank_vm) {
  enum { STACK = 256 << 10 };
  struct helper h = {.work = work, .context = context};
  if (wakeup_open(&h.wakeup)) {
    away_do_shortly(L, work, context);
    return STATUS_OK;
  }
  status st = STATUS_OK;
  if (thread_start_with_stack(&h.thread, helper_main, &h, "mm-file", STACK))
    away_do_shortly(L, work, context);
  else
    st = wait_for_helper(L, &h);
  wakeup_close(h.wakeup);
  return st;
}

/* ---- what needs no descriptor ---------------------------------------------------------------- */

void away_do_shortly(lua_State *L, void (*work)(void *), void *context) {
  waiting_leave(L, TRACE_CALL_FILE, work, context);
}

status away_do(lua_State *L, void (*work)(void *), void *context) {
  if (waiting_has_tasks(L)) return do_by_helper(L, work, context);
  away_do_shortly(L, work, context);
  return vm_must_stop(vm_of(L)) ? STATUS_INTERRUPTED : STATUS_OK;
}

struct change {
  futex_word *word;
  uint32_t seen;
};

static status attempt_change(void *context, deadline until) {
  const struct change *c = context;
  if (atomic_load(c->word) != c->seen) return STATUS_OK;
  return futex_wait(c->word, c->seen, until);
}

status away_until_changed(lua_State *L, futex_word *word, uint32_t seen) {
  struct change change = {word, seen};
  return wait_for(L, TRACE_CALL_FILE, attempt_change, &change, deadline_never());
}

void away_close(lua_State *L, int index, bool *is_closed, int descriptor) {
  waiting_close(L, index, is_closed, descriptor);
}

void away_raise(lua_State *L, status st) { raise_if_stopped(L, st); }
