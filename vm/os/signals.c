/* SPDX-License-Identifier: MIT */
#include "os/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

status signals_on_interrupt(void (*handler)(int)) {
  struct sigaction old;
  if (sigaction(SIGNAL_INTERRUPT, NULL, &old)) return -errno;
  if (old.sa_handler == handler) return STATUS_OK;
  if (old.sa_handler != SIG_DFL) return -EBUSY;
  struct sigaction new = {.sa_handler = handler};
  sigemptyset(&new.sa_mask);
  return sigaction(SIGNAL_INTERRUPT, &new, NULL) ? -errno : STATUS_OK;
}

static _Atomic int request_number; /* found once for the process; listed in vm/README.md */

static bool is_free(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

/* From the top: hosts that use such signals count from SIGRTMIN. */
status signals_on_request(void (*handler)(int)) {
  if (atomic_load(&request_number)) return STATUS_OK;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (int number = SIGRTMAX - 1; number > SIGRTMIN; number--) {
    if (!is_free(number) || sigaction(number, &action, NULL)) continue;
    atomic_store(&request_number, number);
    return STATUS_OK;
  }
  return -EBUSY;
}

int signals_request_number(void) { return atomic_load(&request_number); }

static void let_in(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void signals_let_interrupts_in(void) { let_in(SIGNAL_INTERRUPT); }

void signals_let_requests_in(void) {
  if (signals_request_number()) let_in(signals_request_number());
}

bool signals_is_ignored(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void signals_handle(int number, void (*handler)(int), int other) {
  struct sigaction action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, number);
  sigaddset(&action.sa_mask, other);
  sigaction(number, &action, NULL);
}

void signals_handle_quietly(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, NULL);
}

void signals_end_process(int number) {
  const struct sigaction plain = {.sa_handler = SIG_DFL};
  sigaction(number, &plain, NULL);
  let_in(number);
  pthread_kill(pthread_self(), number);
}

static void ignore_quietly(int signal_number) { (void)signal_number; }

/* A handler that does nothing, not SIG_IGN: programs that the child runs start with the default again. Where the
 * parent ignores SIGPIPE, it stays so for those programs. */
void signals_reset_in_child(void) {
  struct sigaction quiet = {.sa_handler = ignore_quietly, .sa_flags = SA_RESTART};
  struct sigaction plain = {.sa_handler = SIG_DFL};
  sigaction(SIGINT, &quiet, NULL);
  sigaction(SIGQUIT, &quiet, NULL);
  if (!signals_is_ignored(SIGPIPE)) sigaction(SIGPIPE, &quiet, NULL);
  sigaction(SIGTERM, &plain, NULL);
  sigaction(SIGCHLD, &plain, NULL);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
}
