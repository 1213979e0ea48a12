/* SPDX-License-Identifier: MIT */
#include "process/worker_status.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"

status cell_make(struct cell **out) {
  block_ref block = 0;
  const status st = segment_alloc(sizeof(struct cell), &block);
  if (st) return st;
  struct cell *c = segment_at(block);
  memset(c, 0, sizeof *c);
  atomic_store(&c->magic, CELL_MAGIC);
  atomic_store(&c->phase, CELL_STARTING);
  atomic_store(&c->made_ns, clock_now_ns());
  *out = c;
  return STATUS_OK;
}

void cell_destroy(struct cell *c) {
  atomic_store(&c->magic, 0);
  segment_free(segment_ref(c));
}

void cell_introduce(struct cell *c, const char *name) {
  snprintf(c->name, sizeof c->name, "%s", name);
  atomic_store(&c->tid, thread_kernel_id());
  atomic_store(&c->pid, process_self().pid);
}

void cell_run(struct cell *c) {
  atomic_store(&c->phase, CELL_RUNNING);
  futex_wake(&c->phase, INT_MAX);
}

void cell_end(struct cell *c, int exit_code) {
  if (cell_has_ended(c)) return;
  atomic_store(&c->exit_code, exit_code);
  atomic_store(&c->phase, CELL_ENDED);
  futex_wake(&c->phase, INT_MAX);
}

void cell_report(struct cell *c, int exit_code) {
  cell_end(c, exit_code);
  atomic_store(&c->reported, 1);
  futex_wake(&c->reported, INT_MAX);
}

void cell_ring(struct cell *c) { wakers_wake(segment_wakers(), atomic_exchange(&c->watchers, 0)); }

bool cell_watch(struct cell *c, waker_set wakers) {
  atomic_fetch_or(&c->watchers, wakers);
  return cell_has_ended(c);
}

bool cell_has_ended(const struct cell *c) { return atomic_load(&c->phase) == CELL_ENDED; }

status cell_wait_end(struct cell *c, deadline until) {
  for (;;) {
    const uint32_t phase = atomic_load(&c->phase);
    if (phase == CELL_ENDED) return STATUS_OK;
    /* Each start asks this of all children: a system call for the answer made a thousandth
     * start cost 15 ms. */
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status st = futex_wait(&c->phase, phase, until);
    if (st) return cell_has_ended(c) ? STATUS_OK : st;
  }
}

status cell_wait_report(struct cell *c, deadline until) {
  while (!atomic_load(&c->reported)) {
    const status st = futex_wait(&c->reported, 0, until);
    if (st) return atomic_load(&c->reported) ? STATUS_OK : st;
  }
  return STATUS_OK;
}
