/* SPDX-License-Identifier: MIT */
/* Linux: eventfd. */
#include "os/wakeup.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

status wakeup_open(int *fd) {
  const int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made < 0) return -errno;
  *fd = made;
  return STATUS_OK;
}

void wakeup_close(int fd) { close(fd); }

void wakeup_ring(int fd) {
  const uint64_t one = 1;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void wakeup_clear(int fd) {
  uint64_t count;
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
  }
}
