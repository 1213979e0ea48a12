/* SPDX-License-Identifier: MIT */
/* signalfd. */
#include "os/signals.h"

#include <errno.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

status signals_open_descriptor(int *fd) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  const int made = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (made < 0) return -errno;
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  *fd = made;
  return STATUS_OK;
}

int signals_read_descriptor(int fd) {
  struct signalfd_siginfo one;
  return read(fd, &one, sizeof one) == (ssize_t)sizeof one ? (int)one.ssi_signo : 0;
}
