/* SPDX-License-Identifier: MIT */
#include "os/ready.h"

#include <errno.h>

_Static_assert(sizeof(struct ready) == sizeof(struct pollfd), "an array of one is an array of the other");

status ready_wait(struct ready *watches, size_t count) {
  if (poll(&watches->entry, count, -1) >= 0) return STATUS_OK;
  return errno == EINTR ? STATUS_INTERRUPTED : -errno;
}
