/* SPDX-License-Identifier: MIT */
/* The processors that this process may use: how many, which, and the rule of their clock rate. */
#ifndef OS_PROCESSORS_H
#define OS_PROCESSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { PROCESSORS_MAX = 1024 };

/* How many threads can compute at once: the processors of the calling thread's affinity, or as many as
 * the quota of a control group pays for, rounded up. At least 1. Any thread. */
int processors_count(void);

/* The numbers of the processors that this process may use, at most `room`; returns how many. */
size_t processors_allowed(int *numbers, size_t room);
/* From now on this thread, and what it starts, runs only on these. -EINVAL: none of them is there. */
MUST_CHECK status processors_allow(const int *numbers, size_t count);
/* The same for one thread of any process of this user. -ESRCH: it has ended. */
MUST_CHECK status processors_bind(int32_t thread, int processor);

/* How many bytes the name of a governor may have, with the zero byte behind. */
enum { PROCESSOR_GOVERNOR_MAX = 32 };
/* The name of the rule by which the clock rate of the processors changes; "": none is known. */
void processor_governor(char name[PROCESSOR_GOVERNOR_MAX]);

#endif
