/* SPDX-License-Identifier: MIT */
#include "process/reporter.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/process.h"

struct reporter {
  int pidfd;
  _Atomic uint32_t users;
  struct mutex lock; /* no rank: a leaf, under which no other lock is taken */
  struct bytes left; /* the statuses that were left here (pointers); under `lock` */
};

status reporter_make(int32_t pid, struct reporter **out) {
  struct reporter *r = memory_alloc(sizeof *r);
  if (!r) return -ENOMEM;
  const status st = process_watch(&r->pidfd, pid);
  if (st) {
    memory_free(r);
    return st;
  }
  mutex_init(&r->lock);
  bytes_init(&r->left);
  atomic_store(&r->users, 1);
  *out = r;
  return STATUS_OK;
}

void reporter_retain(struct reporter *r) { atomic_fetch_add(&r->users, 1); }

void reporter_forget(struct reporter *r) { process_unwatch(r->pidfd); }

status reporter_await_end(const struct reporter *r, deadline until) {
  return process_wait_end(r->pidfd, until);
}

bool reporter_lives(const struct reporter *r) { return reporter_await_end(r, deadline_now()) != STATUS_OK; }

struct left_status {
  struct worker_status *status;
};

/* Frees those that are reported, or all once the process is gone. */
static void free_reported_locked(struct reporter *r) {
  const bool lives = reporter_lives(r);
  struct left_status *list = (struct left_status *)(void *)r->left.data;
  const size_t count = r->left.len / sizeof *list;
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (lives && !worker_status_is_reported(list[i].status))
      list[kept++] = list[i];
    else
      worker_status_destroy(list[i].status);
  }
  r->left.len = kept * sizeof *list;
}

/* Without memory for the note, the block stays until this process ends. */
void reporter_leave_status(struct reporter *r, struct worker_status *s) {
  mutex_lock(&r->lock);
  free_reported_locked(r);
  const struct left_status left = {s};
  (void)!bytes_append(&r->left, &left, sizeof left);
  mutex_unlock(&r->lock);
}

void reporter_release(struct reporter *r) {
  if (atomic_fetch_sub(&r->users, 1) > 1) return;
  free_reported_locked(r);
  bytes_fini(&r->left);
  mutex_fini(&r->lock);
  process_unwatch(r->pidfd);
  memory_free(r);
}
