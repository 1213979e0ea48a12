/* SPDX-License-Identifier: MIT */
/* A plain mutex within one process. Its owner names its rank; see sync/lock_rank.h. */
#ifndef OS_MUTEX_H
#define OS_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/annotations.h"
#include "base/check.h"

struct CAPABILITY("mutex") mutex {
  pthread_mutex_t handle;
};

#define MUTEX_INITIALIZER \
  { PTHREAD_MUTEX_INITIALIZER }

static inline void mutex_init(struct mutex *m) { CHECK_EQ(pthread_mutex_init(&m->handle, NULL), 0); }
static inline void mutex_fini(struct mutex *m) { pthread_mutex_destroy(&m->handle); }

static inline void mutex_lock(struct mutex *m) ACQUIRES(m) NO_THREAD_SAFETY_ANALYSIS {
  CHECK_EQ(pthread_mutex_lock(&m->handle), 0);
}
static inline void mutex_unlock(struct mutex *m) RELEASES(m) NO_THREAD_SAFETY_ANALYSIS {
  CHECK_EQ(pthread_mutex_unlock(&m->handle), 0);
}

#endif
