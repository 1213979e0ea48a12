/* SPDX-License-Identifier: MIT */
#include "os/clock.h"

#include <time.h>

enum { NS_PER_SECOND = 1000000000 };

int64_t clock_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

deadline deadline_after(double seconds) {
  if (!(seconds > 0)) return deadline_now();
  const int64_t now = clock_now_ns();
  const double ns = seconds * NS_PER_SECOND;
  if (ns >= (double)(INT64_MAX - now)) return deadline_never();
  return (deadline){now + (int64_t)ns};
}

bool deadline_passed(deadline d) {
  if (deadline_is_never(d)) return false;
  return deadline_is_now(d) || clock_now_ns() >= d.ns;
}
