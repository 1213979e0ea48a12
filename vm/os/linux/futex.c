/* SPDX-License-Identifier: MIT */
/* Futexes by system call, never the private kind: the same code serves threads and processes. */
#include "os/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

static const struct timespec *timespec_of(deadline d, struct timespec *space) {
  if (deadline_is_never(d)) return NULL;
  space->tv_sec = (time_t)(d.ns / 1000000000);
  space->tv_nsec = (long)(d.ns % 1000000000);
  return space;
}

static status wait_result(long result) {
  if (result >= 0 || errno == EAGAIN) return STATUS_OK;
  if (errno == ETIMEDOUT) return STATUS_TIMEOUT;
  if (errno == EINTR) return STATUS_INTERRUPTED;
  return -errno;
}

/* FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock, FUTEX_WAIT a relative one. */
status futex_wait(futex_word *word, uint32_t expected, deadline until) {
  struct timespec space;
  return wait_result(syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, timespec_of(until, &space), NULL,
                             FUTEX_BITSET_MATCH_ANY));
}

status futex_wait_any(const struct futex_watch *watches, size_t count, deadline until) {
  CHECK(count >= 1 && count <= FUTEX_WATCH_MAX);
  struct futex_waitv list[FUTEX_WATCH_MAX];
  for (size_t i = 0; i < count; i++)
    list[i] = (struct futex_waitv){
        .uaddr = (uintptr_t)watches[i].word, .val = watches[i].expected, .flags = FUTEX_32};
  struct timespec space;
  return wait_result(syscall(SYS_futex_waitv, list, count, 0, timespec_of(until, &space), CLOCK_MONOTONIC));
}

int futex_wake(futex_word *word, int count) {
  const long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
  return woken < 0 ? 0 : (int)woken;
}
