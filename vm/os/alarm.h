/* SPDX-License-Identifier: MIT */
/* A signal that comes to one thread at a time that was set, and again and again after it until it is stopped:
 * the thread need not look at the clock, and no other one has to wait for it. */
#ifndef OS_ALARM_H
#define OS_ALARM_H

#include <stdint.h>
#include <time.h>

#include "base/deadline.h"
#include "base/status.h"

struct thread_alarm {
  timer_t timer;
};

/* For the calling thread, which destroys it before it ends. -EAGAIN, -EINVAL: the system has no
 * such timers (any more). */
MUST_CHECK status alarm_make(struct thread_alarm *a, int signal_number);
/* A signal may still be on its way to the thread afterwards. */
void alarm_destroy(struct thread_alarm *a);
/* Any thread, while the alarm's lives. */
void alarm_start(struct thread_alarm *a, deadline first, int64_t again_ns);
/* It does not go off any more, unless its signal is on its way. It may be started again. */
void alarm_stop(struct thread_alarm *a);

#endif
