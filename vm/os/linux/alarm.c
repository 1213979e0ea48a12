/* SPDX-License-Identifier: MIT */
/* Linux: timer_create with SIGEV_THREAD_ID. */
#include "os/alarm.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid /* glibc before 2.38 has no name for it */
#endif

status alarm_make(struct thread_alarm *a, int signal_number) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal_number};
  event.sigev_notify_thread_id = gettid();
  return timer_create(CLOCK_MONOTONIC, &event, &a->timer) ? -errno : STATUS_OK;
}

void alarm_destroy(struct thread_alarm *a) { timer_delete(a->timer); }

static struct timespec time_of(int64_t ns) {
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

void alarm_start(struct thread_alarm *a, deadline first, int64_t again_ns) {
  const struct itimerspec when = {.it_value = time_of(first.ns ? first.ns : 1),
                                  .it_interval = time_of(again_ns)};
  timer_settime(a->timer, TIMER_ABSTIME, &when, NULL);
}

void alarm_stop(struct thread_alarm *a) {
  const struct itimerspec never = {0};
  timer_settime(a->timer, 0, &never, NULL);
}
