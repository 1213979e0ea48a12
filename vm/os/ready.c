/* SPDX-License-Identifier: MIT */
#include "os/ready.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "os/clock.h"

_Static_assert(sizeof(struct ready) == sizeof(struct pollfd), "an array of one is an array of the other");

static struct timespec time_left(deadline until) {
  int64_t ns = deadline_is_now(until) ? 0 : until.ns - clock_now_ns();
  if (ns < 0) ns = 0;
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

status ready_wait(struct ready *watches, size_t count, deadline until) {
  const struct timespec left = time_left(until);
  const int found = ppoll(&watches->entry, count, deadline_is_never(until) ? NULL : &left, NULL);
  if (found > 0) return STATUS_OK;
  if (found == 0) return STATUS_TIMEOUT;
  return errno == EINTR ? STATUS_INTERRUPTED : -errno;
}

void ready_wait_unless(struct ready *watch, const int signals[2], bool (*is_over)(void)) {
  sigset_t ours;
  sigset_t before;
  sigemptyset(&ours);
  sigaddset(&ours, signals[0]);
  sigaddset(&ours, signals[1]);
  sigprocmask(SIG_BLOCK, &ours, &before);
  int found = 0;
  while (!is_over() && found == 0) {
    found = ppoll(&watch->entry, 1, NULL, &before);
    if (found < 0 && errno == EINTR) found = 0;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}
