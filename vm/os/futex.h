/* SPDX-License-Identifier: MIT */
/* Sleeping until a word in memory changes, in this process or another one that maps it.
 *
 * Every wait may end early and for no reason: callers sit in a loop and re-check their condition.
 */
#ifndef OS_FUTEX_H
#define OS_FUTEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/status.h"

typedef _Atomic uint32_t futex_word;

struct futex_watch {
  futex_word *word;
  uint32_t expected;
};

enum { FUTEX_WATCH_MAX = 128 };

/* Sleeps while *word == expected. STATUS_OK: woken, or the word had changed; STATUS_TIMEOUT;
 * STATUS_INTERRUPTED: a signal handler ran on this thread. */
MUST_CHECK status futex_wait(futex_word *word, uint32_t expected, deadline until);
/* The same for 1 to FUTEX_WATCH_MAX words at once. -ENOSYS before Linux 5.16. */
MUST_CHECK status futex_wait_any(const struct futex_watch *watches, size_t count, deadline until);
/* Wakes up to `count` sleepers; returns how many. */
int futex_wake(futex_word *word, int count);

#endif
