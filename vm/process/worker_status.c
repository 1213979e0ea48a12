/* SPDX-License-Identifier: MIT */
#include "process/worker_status.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"

status worker_status_make(struct worker_status **out) {
  block_ref block = 0;
  const status st = segment_alloc(sizeof(struct worker_status), &block);
  if (st) return st;
  struct worker_status *c = segment_at(block);
  memset(c, 0, sizeof *c);
  atomic_store(&c->magic, WORKER_STATUS_MAGIC);
  atomic_store(&c->phase, WORKER_STATUS_STARTING);
  atomic_store(&c->made_ns, clock_now_ns());
  *out = c;
  return STATUS_OK;
}

void worker_status_destroy(struct worker_status *c) {
  atomic_store(&c->magic, 0);
  segment_free(segment_ref(c));
}

void worker_status_introduce(struct worker_status *c, const char *name) {
  snprintf(c->name, sizeof c->name, "%s", name);
  atomic_store(&c->tid, thread_kernel_id());
  atomic_store(&c->pid, process_self().pid);
}

void worker_status_run(struct worker_status *c) {
  atomic_store(&c->phase, WORKER_STATUS_RUNNING);
  futex_wake(&c->phase, INT_MAX);
}

void worker_status_end(struct worker_status *c, int exit_code) {
  if (worker_status_has_ended(c)) return;
  atomic_store(&c->exit_code, exit_code);
  atomic_store(&c->phase, WORKER_STATUS_ENDED);
  futex_wake(&c->phase, INT_MAX);
}

void worker_status_report(struct worker_status *c, int exit_code) {
  worker_status_end(c, exit_code);
  atomic_store(&c->reported, 1);
  futex_wake(&c->reported, INT_MAX);
}

void worker_status_wake(struct worker_status *c) {
  wakers_wake(segment_wakers(), atomic_exchange(&c->watchers, 0));
}

bool worker_status_watch(struct worker_status *c, waker_set wakers) {
  atomic_fetch_or(&c->watchers, wakers);
  return worker_status_has_ended(c);
}

bool worker_status_has_ended(const struct worker_status *c) {
  return atomic_load(&c->phase) == WORKER_STATUS_ENDED;
}

status worker_status_wait_end(struct worker_status *c, deadline until) {
  for (;;) {
    const uint32_t phase = atomic_load(&c->phase);
    if (phase == WORKER_STATUS_ENDED) return STATUS_OK;
    /* Each start asks this of all children: a system call for the answer made a thousandth
     * start cost 15 ms. */
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status st = futex_wait(&c->phase, phase, until);
    if (st) return worker_status_has_ended(c) ? STATUS_OK : st;
  }
}

status worker_status_wait_report(struct worker_status *c, deadline until) {
  while (!atomic_load(&c->reported)) {
    const status st = futex_wait(&c->reported, 0, until);
    if (st) return atomic_load(&c->reported) ? STATUS_OK : st;
  }
  return STATUS_OK;
}
