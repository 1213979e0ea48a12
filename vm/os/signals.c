/* SPDX-License-Identifier: MIT */
#include "os/signals.h"

#include <errno.h>
#include <pthread.h>

status signals_on_interrupt(void (*handler)(int)) {
  struct sigaction old;
  if (sigaction(SIGNAL_INTERRUPT, NULL, &old)) return -errno;
  if (old.sa_handler == handler) return STATUS_OK;
  if (old.sa_handler != SIG_DFL) return -EBUSY;
  struct sigaction new = {.sa_handler = handler};
  sigemptyset(&new.sa_mask);
  return sigaction(SIGNAL_INTERRUPT, &new, NULL) ? -errno : STATUS_OK;
}

static void ignore_quietly(int signal_number) { (void)signal_number; }

/* A handler that does nothing, not SIG_IGN: programs that the child runs start with the default again. */
void signals_reset_in_child(void) {
  struct sigaction quiet = {.sa_handler = ignore_quietly, .sa_flags = SA_RESTART};
  struct sigaction plain = {.sa_handler = SIG_DFL};
  sigaction(SIGINT, &quiet, NULL);
  sigaction(SIGTERM, &plain, NULL);
  sigaction(SIGCHLD, &plain, NULL);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
}
