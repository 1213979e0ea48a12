/* SPDX-License-Identifier: MIT */
/* An alarm's signal repeats the request. That needs no thread, so the process keeps one thread and
 * can be forked. */
#include "ctrl_c.h"

#include <errno.h>

#include "os/alarm.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/signals.h"
#include "state/vm_interrupt.h"
#include "terminal/terminal_rows.h"

enum { TICK_NS = 10 * 1000 * 1000, TICKS_OF_ONE_PRESS = 20, CLEANUP_NS = 700 * 1000 * 1000 };

/* State of the signal handlers, which cannot find it otherwise; listed in vm/README.md. Set before
 * they are installed. */
static struct {
  struct vm *vm; /* NULL: Ctrl-C is not handled here */
  struct thread_alarm alarm;
  bool has_alarm;
  volatile sig_atomic_t ticks; /* since the first press */
  volatile sig_atomic_t exit_status;
} caught;

static int tick_signal(void) { return SIGRTMIN; }

/* Neither signal interrupts the other one's handler. */
static void handle_press(void (*handler)(int)) { signals_handle(SIGINT, handler, tick_signal()); }
static void handle_tick(void (*handler)(int)) { signals_handle(tick_signal(), handler, SIGINT); }

static void start_ticks(int64_t pace_ns) {
  if (caught.has_alarm) alarm_start(&caught.alarm, (deadline){clock_now_ns() + pace_ns}, pace_ns);
}

static void stop_ticks(void) {
  if (caught.has_alarm) alarm_stop(&caught.alarm);
}

/* As without a handler, but for progress bars, which leave the terminal. */
static void end_program(int number) {
  terminal_rows_leave();
  signals_end_process(number);
}

static void on_tick(int number) {
  (void)number;
  if (!vm_should_stop(caught.vm)) return;
  vm_interrupt_from_signal(caught.vm, VM_STOP_INTERRUPT);
  if (caught.ticks < TICKS_OF_ONE_PRESS && ++caught.ticks == TICKS_OF_ONE_PRESS) handle_press(end_program);
}

static void on_press(int number) {
  (void)number;
  const int saved_errno = errno;
  vm_interrupt_from_signal(caught.vm, VM_STOP_INTERRUPT);
  if (!caught.has_alarm) handle_press(end_program);
  start_ticks(TICK_NS);
  errno = saved_errno;
}

void ctrl_c_catch(struct vm *vm) {
  if (signals_is_ignored(SIGINT)) return;
  caught.has_alarm = alarm_make(&caught.alarm, tick_signal()) == STATUS_OK;
  caught.vm = vm;
  handle_tick(on_tick);
  handle_press(on_press);
  if (!signals_is_ignored(SIGTERM)) signals_handle(SIGTERM, end_program, SIGINT);
}

bool ctrl_c_was_pressed(void) { return caught.vm && vm_should_stop(caught.vm); }

void ctrl_c_settle(void) {
  if (!caught.vm) return;
  stop_ticks();
  vm_clear_stop(caught.vm);
  caught.ticks = 0;
  handle_press(on_press);
}

void ctrl_c_release(void) {
  if (!caught.vm) return;
  stop_ticks();
  handle_press(end_program);
  handle_tick(SIG_IGN);
}

static void on_cleanup_timeout(int number) {
  (void)number;
  terminal_rows_leave();
  process_exit_now(caught.exit_status);
}

void ctrl_c_limit_cleanup(int exit_status) {
  caught.exit_status = exit_status;
  handle_tick(on_cleanup_timeout);
  start_ticks(CLEANUP_NS);
}

/* The caller is in the VM, which the analysis does not know of a program's own functions. */
bool ctrl_c_wait_readable(struct vm *vm, int fd) NO_THREAD_SAFETY_ANALYSIS {
  struct ready watch = ready_watch(fd);
  vm_leave(vm);
  ready_wait_unless(&watch, (const int[]){SIGINT, tick_signal()}, ctrl_c_was_pressed);
  vm_enter(vm);
  return !ctrl_c_was_pressed();
}
