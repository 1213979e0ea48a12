/* SPDX-License-Identifier: MIT */
#include "process/worker_status.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/thread.h"

status worker_status_make(struct worker_status **out) {
  block_ref block = 0;
  const status st = segment_alloc_vital(WORKER_STATUS_BLOCK, &block);
  if (st) return st;
  struct worker_status *s = segment_at(block);
  memset(s, 0, sizeof *s);
  atomic_store(&s->magic, WORKER_STATUS_MAGIC);
  atomic_store(&s->phase, WORKER_STATUS_STARTING);
  atomic_store(&s->made_ns, clock_now_ns());
  *out = s;
  return STATUS_OK;
}

void worker_status_destroy(struct worker_status *s) {
  atomic_store(&s->magic, 0);
  segment_free(segment_ref(s));
}

/* The first thread of a process gives the process its name; a thread has got its own where it was started. */
void worker_status_introduce(struct worker_status *s, const char *name, uint64_t thread) {
  const int32_t pid = process_pid();
  const int32_t tid = thread_kernel_id();
  snprintf(s->name, sizeof s->name, "%s", name);
  atomic_store(&s->thread, thread);
  atomic_store(&s->tid, tid);
  atomic_store(&s->pid, pid);
  if (tid == pid) thread_set_name(name);
}

static bool leave_starting(struct worker_status *s, uint32_t phase) {
  uint32_t starting = WORKER_STATUS_STARTING;
  const bool is_first = atomic_compare_exchange_strong(&s->phase, &starting, phase);
  futex_wake(&s->phase, INT_MAX);
  return is_first;
}

bool worker_status_run(struct worker_status *s) { return leave_starting(s, WORKER_STATUS_RUNNING); }

bool worker_status_cancel(struct worker_status *s) {
  if (!leave_starting(s, WORKER_STATUS_ENDED)) return false;
  atomic_store(&s->exit_code, -SIGKILL);
  return true;
}

void worker_status_end(struct worker_status *s, int exit_code) {
  if (worker_status_has_ended(s)) return;
  atomic_store(&s->exit_code, exit_code);
  atomic_store(&s->phase, WORKER_STATUS_ENDED);
  futex_wake(&s->phase, INT_MAX);
}

void worker_status_report(struct worker_status *s, int exit_code) {
  worker_status_end(s, exit_code);
  atomic_store(&s->reported, 1);
  futex_wake(&s->reported, INT_MAX);
}

void worker_status_wake(struct worker_status *s) {
  wakers_wake(segment_wakers(), atomic_exchange(&s->watchers, 0));
}

bool worker_status_watch(struct worker_status *s, waker_set wakers) {
  atomic_fetch_or(&s->watchers, wakers);
  return worker_status_has_ended(s);
}

bool worker_status_is_beyond_limit(const struct worker_status *s, uint64_t task, uint64_t item) {
  const uint64_t limit = atomic_load(&s->limit);
  return limit >> WORKER_STATUS_ITEM_BITS == task && item > (limit & ((1 << WORKER_STATUS_ITEM_BITS) - 1));
}

bool worker_status_has_ended(const struct worker_status *s) {
  return atomic_load(&s->phase) == WORKER_STATUS_ENDED;
}

status worker_status_wait_end(struct worker_status *s, deadline until) {
  for (;;) {
    const uint32_t phase = atomic_load(&s->phase);
    if (phase == WORKER_STATUS_ENDED) return STATUS_OK;
    /* Each start calls this for all children: with a system call in it the thousandth start took 15
     * ms. */
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status st = futex_wait(&s->phase, phase, until);
    if (st) return worker_status_has_ended(s) ? STATUS_OK : st;
  }
}

bool worker_status_is_reported(const struct worker_status *s) { return atomic_load(&s->reported) != 0; }

status worker_status_wait_report(struct worker_status *s, deadline until) {
  while (!atomic_load(&s->reported)) {
    const status st = futex_wait(&s->reported, 0, until);
    if (st) return atomic_load(&s->reported) ? STATUS_OK : st;
  }
  return STATUS_OK;
}
