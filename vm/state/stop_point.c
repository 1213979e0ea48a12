/* SPDX-License-Identifier: MIT */
#include "state/stop_point.h"

#if defined(MM_STOP_POINTS)
#include <stdatomic.h>
#include <stddef.h>

static void (*_Atomic at_point)(const char *name); /* test builds only; listed in vm/README.md */

void stop_point_on(void (*act)(const char *name)) { atomic_store(&at_point, act); }

void stop_point(const char *name) {
  void (*act)(const char *) = atomic_load(&at_point);
  if (act) act(name);
}
#else
typedef int stop_point_is_empty_here; /* ISO C wants a declaration in every file */
#endif
