/* SPDX-License-Identifier: MIT */
#include "c/outbox.h"

#include <stdio.h>

#include "base/memory.h"
#include "os/wakeup.h"

void runtime_wake(struct mm_rt *rt) {
  if (atomic_exchange(&rt->is_woken, true)) return;
  wakeup_ring(rt->wakeup);
  if (rt->config.wakeup) rt->config.wakeup(rt->config.wakeup_ud);
}

void runtime_clear_wakeup(struct mm_rt *rt) {
  wakeup_clear(rt->wakeup);
  atomic_store(&rt->is_woken, false);
}

void runtime_log(const struct mm_rt *rt, mm_log_level level, const struct mm_vm *vm, const char *text) {
  if (rt->config.log) rt->config.log(rt->config.log_ud, level, vm, text);
}

void runtime_report(const struct mm_rt *rt, const struct mm_vm *vm, const char *name, const char *text) {
  if (rt->config.log)
    runtime_log(rt, MM_LOG_ERROR, vm, text);
  else
    fprintf(stderr, "manymoons: VM '%s': %s\n", name, text);
}

void runtime_job_ended(struct mm_rt *rt, struct mm_job *j, struct outcome outcome) {
  job_end(j, outcome);
  if (!j->done) {
    job_release(j);
    return;
  }
  mutex_lock(&rt->lock);
  job_list_add(&rt->ended, j);
  mutex_unlock(&rt->lock);
  runtime_wake(rt);
}

struct mm_job *runtime_next_ended(struct mm_rt *rt) {
  mutex_lock(&rt->lock);
  struct mm_job *j = job_list_take(&rt->ended);
  mutex_unlock(&rt->lock);
  return j;
}

bool runtime_has_ended_jobs(struct mm_rt *rt) {
  mutex_lock(&rt->lock);
  const bool has = rt->ended.first != NULL;
  mutex_unlock(&rt->lock);
  return has;
}

void runtime_forget_ended(struct mm_rt *rt) {
  for (struct mm_job *j = runtime_next_ended(rt); j; j = runtime_next_ended(rt)) job_release(j);
}

void runtime_add_module(struct mm_rt *rt, struct module *m) {
  mutex_lock(&rt->lock);
  m->next = rt->modules;
  rt->modules = m;
  mutex_unlock(&rt->lock);
}

void runtime_free_modules(struct mm_rt *rt) {
  struct module *m = rt->modules;
  while (m) {
    struct module *next = m->next;
    memory_free(m->name);
    memory_free(m->source);
    memory_free(m);
    m = next;
  }
}
