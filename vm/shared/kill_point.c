/* SPDX-License-Identifier: MIT */
#include "shared/kill_point.h"

#if defined(MM_KILL_POINTS)
#include <stdatomic.h>
#include <string.h>

#include "os/signals.h"

static const char *_Atomic armed_name; /* test builds only; listed in vm/README.md */
static _Atomic long armed_countdown;

void kill_point_arm(const char *name, long countdown) {
  atomic_store(&armed_name, name);
  atomic_store(&armed_countdown, countdown);
}

void kill_point(const char *name) {
  if (atomic_load(&armed_countdown) == 0) return;
  const char *wanted = atomic_load(&armed_name);
  if (wanted && strcmp(wanted, name) != 0) return;
  if (atomic_fetch_sub(&armed_countdown, 1) == 1) raise(SIGKILL);
}
#else
typedef int kill_point_is_empty_here; /* ISO C wants a declaration in every file */
#endif
