/* SPDX-License-Identifier: MIT */
/* A new thread lets no signal in before it says so. In a module, the first use of a thread-local variable
 * allocates: a handler that used one in the middle of that waited for ever, once in some thousand starts. */
#include "os/thread.h"

#include <signal.h>

#include "base/check.h"
#include "os/signals.h"

static void expect_mask(int interrupts_are_blocked) {
  sigset_t blocked;
  CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
  CHECK_EQ(sigismember(&blocked, SIGNAL_INTERRUPT), interrupts_are_blocked);
  CHECK_EQ(sigismember(&blocked, SIGTERM), 1);
}

static void begin(void *nothing) {
  (void)nothing;
  expect_mask(1);
  signals_let_interrupts_in();
  expect_mask(0);
}

int main(void) {
  struct thread t;
  CHECK_EQ(thread_start(&t, begin, NULL, "beginner"), STATUS_OK);
  thread_join(&t);
  return 0;
}
