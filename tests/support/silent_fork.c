/* SPDX-License-Identifier: MIT */
/* For LD_PRELOAD: a library that holds a lock over fork, so that a child of fork never begins. */
#include <pthread.h>
#include <unistd.h>

static void wait_for_the_lock(void) {
  for (;;) pause();
}

__attribute__((constructor)) static void hold(void) { pthread_atfork(NULL, NULL, wait_for_the_lock); }
