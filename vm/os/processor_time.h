/* SPDX-License-Identifier: MIT */
/* Where the time of the processors went that this process may use: counters that only grow, of which a
 * caller takes two and looks at the difference.
 *
 * The system counts in ticks, a hundredth of a second each: a difference may be wrong by `precision_ns`.
 */
#ifndef OS_PROCESSOR_TIME_H
#define OS_PROCESSOR_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* What the system does not say is 0. */
struct processor_time {
  int processors;       /* whose times are known */
  int64_t idle_ns;      /* nothing wanted the processor, or only files were waited for */
  int64_t stolen_ns;    /* the hypervisor gave the processor to another guest */
  int64_t throttled_ns; /* threads of our control group stood still, because its quota was used up */
  int64_t precision_ns; /* of the first two: a tick of each processor */
};

/* Any thread. */
void processor_time_now(struct processor_time *out);
/* Reads the two counters of one processor from its line of /proc/stat, "cpu1 …". False: it is another
 * line. Separate for its test. */
bool processor_time_of_line(const char *line, int *processor, int64_t *idle_ticks, int64_t *stolen_ticks);

#endif
