/* SPDX-License-Identifier: MIT */
/* The name of a thread, or of a task, in the whole program. */
#ifndef SHARED_EXECUTION_CONTEXT_H
#define SHARED_EXECUTION_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

/* The author of an operation: a thread of a process. 0 is no thread. */
struct execution_context {
  uint32_t slot;
  uint64_t thread;
};

static inline bool execution_context_is(struct execution_context a, struct execution_context b) {
  return a.slot == b.slot && a.thread == b.thread;
}

#endif
