/* SPDX-License-Identifier: MIT */
/* Several C stacks for one OS thread, of which one runs at a time; a switch says which is next.
 *
 * A fiber belongs to the thread that made it: only that one may switch to it. Nothing is released when a
 * fiber that stands somewhere in the middle is freed: what its functions hold stays held.
 */
#ifndef OS_FIBER_H
#define OS_FIBER_H

#include <stddef.h>
#include <ucontext.h>

#include "base/status.h"

struct fiber {
  ucontext_t context;
  void *stack; /* NULL: the stack is not the fiber's own */
  void (*start)(void *argument);
  void *argument;
  /* Known to the sanitizers. */
  const void *bottom;
  size_t size;
  void *fake_stack;
  void *tsan;
};

/* The stack on which the caller runs, as a fiber. */
void fiber_adopt(struct fiber *f);
/* The first switch to it calls start(argument), which must not return; it ends by calling
 * fiber_leave. Pages of the stack exist once they are touched. */
MUST_CHECK status fiber_make(struct fiber *f, void (*start)(void *argument), void *argument);
/* Returns when a fiber switches back to `from`, on whose stack the caller runs. */
void fiber_switch(struct fiber *from, struct fiber *to);
/* The same, for good: the fiber that runs next may free `from`. */
NO_RETURN void fiber_leave(struct fiber *from, struct fiber *to);
/* Nothing, if the caller runs on it. */
void fiber_free(struct fiber *f);

#endif
