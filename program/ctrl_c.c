/* SPDX-License-Identifier: MIT */
/* The repetition is a timer's signal, so that no thread is needed: a process with one
 * thread can be forked. */
#include "ctrl_c.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "state/vm_interrupt.h"

enum { TICK_NS = 10 * 1000 * 1000, TICKS_OF_ONE_PRESS = 20, FAREWELL_NS = 700 * 1000 * 1000 };

/* State of the signal handlers, which cannot find it otherwise; listed in vm/README.md. Set before
 * they are installed. */
static struct {
  struct vm *vm; /* NULL: Ctrl-C is not ours */
  timer_t timer;
  bool has_timer;
  volatile sig_atomic_t ticks; /* since the first press */
  volatile sig_atomic_t exit_status;
} caught;

static int tick_signal(void) { return SIGRTMIN; }

static void set_handler(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, tick_signal());
  sigaction(number, &action, NULL);
}

static void timer_pace(long ns) {
  const struct itimerspec pace = {.it_value.tv_nsec = ns, .it_interval.tv_nsec = ns};
  if (caught.has_timer) timer_settime(caught.timer, 0, &pace, NULL);
}

static void on_tick(int number) {
  (void)number;
  if (!vm_should_stop(caught.vm)) return;
  vm_interrupt_from_signal(caught.vm, VM_STOP_INTERRUPT);
  if (caught.ticks < TICKS_OF_ONE_PRESS && ++caught.ticks == TICKS_OF_ONE_PRESS) set_handler(SIGINT, SIG_DFL);
}

static void on_press(int number) {
  (void)number;
  const int saved_errno = errno;
  vm_interrupt_from_signal(caught.vm, VM_STOP_INTERRUPT);
  if (!caught.has_timer) set_handler(SIGINT, SIG_DFL);
  timer_pace(TICK_NS);
  errno = saved_errno;
}

static bool is_ignored(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void ctrl_c_catch(struct vm *vm) {
  if (is_ignored(SIGINT)) return;
  struct sigevent tick = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = tick_signal()};
  caught.has_timer = timer_create(CLOCK_MONOTONIC, &tick, &caught.timer) == 0;
  caught.vm = vm;
  set_handler(tick_signal(), on_tick);
  set_handler(SIGINT, on_press);
}

bool ctrl_c_was_pressed(void) { return caught.vm && vm_should_stop(caught.vm); }

void ctrl_c_settle(void) {
  if (!caught.vm) return;
  timer_pace(0);
  vm_clear_stop(caught.vm);
  caught.ticks = 0;
  set_handler(SIGINT, on_press);
}

void ctrl_c_release(void) {
  if (!caught.vm) return;
  timer_pace(0);
  set_handler(SIGINT, SIG_DFL);
  set_handler(tick_signal(), SIG_IGN);
}

static void on_farewell(int number) {
  (void)number;
  _exit(caught.exit_status);
}

void ctrl_c_limit_farewell(int exit_status) {
  caught.exit_status = exit_status;
  set_handler(tick_signal(), on_farewell);
  timer_pace(FAREWELL_NS);
}

/* The signals are let in by ppoll alone, so that none can strike between the question and the wait. */
bool ctrl_c_wait_readable(int fd) {
  sigset_t ours;
  sigset_t before;
  sigemptyset(&ours);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, tick_signal());
  sigprocmask(SIG_BLOCK, &ours, &before);
  struct pollfd input = {.fd = fd, .events = POLLIN};
  int ready = 0;
  while (!ctrl_c_was_pressed() && ready == 0) {
    ready = ppoll(&input, 1, NULL, &before);
    if (ready < 0 && errno == EINTR) ready = 0;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  return !ctrl_c_was_pressed();
}
