/* SPDX-License-Identifier: MIT */
#include "c/job.h"

#include "base/check.h"
#include "base/memory.h"
#include "c/values/value.h"
#include "os/clock.h"

struct mm_job *job_make(void) {
  struct mm_job *j = memory_alloc(sizeof *j);
  if (!j) return NULL;
  atomic_store(&j->owners, 1);
  bytes_init(&j->request.message);
  return j;
}

void job_keep(struct mm_job *j) { atomic_fetch_add(&j->owners, 1); }

void job_release(struct mm_job *j) {
  if (atomic_fetch_sub(&j->owners, 1) != 1) return;
  request_fini(&j->request);
  value_release(j->outcome.result);
  memory_free(j->outcome.error);
  if (j->vm) j->release_vm(j->vm);
  memory_free(j);
}

void job_end(struct mm_job *j, struct outcome outcome) {
  CHECK(!job_has_ended(j));
  j->outcome = outcome;
  atomic_store(&j->phase, JOB_ENDED);
  spin_wake(&j->phase, &j->sleepers);
}

status job_wait(struct mm_job *j, struct spin *spin, deadline until) {
  for (;;) {
    const uint32_t phase = atomic_load(&j->phase);
    if (phase == JOB_ENDED) return STATUS_OK;
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status st = spin_wait(spin, &j->phase, phase, &j->sleepers, until);
    if (st == STATUS_TIMEOUT && deadline_passed(until)) return job_has_ended(j) ? STATUS_OK : STATUS_TIMEOUT;
  }
}

void job_list_add(struct job_list *list, struct mm_job *j) {
  j->next = NULL;
  if (list->last)
    list->last->next = j;
  else
    list->first = j;
  list->last = j;
}

struct mm_job *job_list_take(struct job_list *list) {
  struct mm_job *j = list->first;
  if (!j) return NULL;
  list->first = j->next;
  if (!list->first) list->last = NULL;
  j->next = NULL;
  return j;
}
