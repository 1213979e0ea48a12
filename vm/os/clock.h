/* SPDX-License-Identifier: MIT */
/* Reading time. Only the monotonic clock: setting the wall clock changes no timeout. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include "base/deadline.h"

/* Nanoseconds since some fixed point; any thread, async-signal-safe. */
int64_t clock_now_ns(void);
/* The point `seconds` from now; negative counts as 0, what is beyond the clock's range is never. */
deadline deadline_after(double seconds);
/* Whether a caller may wait no longer: deadline_now has always passed, deadline_never never. */
bool deadline_passed(deadline d);

/* Tells the processor that this thread spins. */
static inline void cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
