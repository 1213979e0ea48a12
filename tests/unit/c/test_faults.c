/* SPDX-License-Identifier: MIT */
/* Each allocation in the lifetime of a runtime fails in turn: the call in question fails, and
 * nothing leaks or hangs. */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "manymoons.h"

#if defined(MM_FAULTS)

static bool is_failure(int err) {
  return err == -MM_ENOMEM || err == -MM_ESYS || err == -MM_EUNSENDABLE || err == -MM_ERUN;
}

/* Uses the runtime once for everything. 0, or the first error. */
static int use_runtime(mm_rt *rt, mm_where where) {
  mm_vm_config config;
  mm_vm *vm = NULL;
  mm_job *job = NULL;
  mm_vm_config_init(&config);
  config.where = where;
  config.path = "?.lua";
  int err = mm_register_lua(rt, "tool", "return 1", MM_ZERO);
  if (err == 0) err = mm_vm_create(rt, &vm, &config);
  if (err) return err;
  err = mm_eval(vm, &job, "x", "function f(t, b) return { t.x + b[1], 'text', { b } } end", MM_ZERO, NULL);
  if (err == 0) err = mm_job_wait(job, -1);
  mm_job_free(job);
  mm_buf *buf = NULL;
  if (err >= 0) err = mm_buf_create(rt, &buf, "f64", 10);
  mm_val *args = err == 0 ? mm_pack(rt, "{x=i}B", (int64_t)41, buf) : NULL;
  if (err == 0 && !args) err = -MM_ENOMEM;
  job = NULL;
  if (err == 0) err = mm_call(vm, &job, "f", args, NULL);
  if (err == 0) err = mm_job_wait(job, -1);
  if (err == 1) CHECK_EQ(mm_int(mm_at(mm_at(mm_job_result(job), 0), 0)), 41);
  mm_job_free(job);
  mm_val_free(args);
  mm_buf_free(buf);
  mm_vm_free(vm);
  return err < 0 ? err : 0;
}

static void each_allocation_may_fail(mm_where where) {
  for (long n = 1;; n++) {
    mm_rt *rt = NULL;
    memory_fail_after(n);
    int err = mm_rt_create(&rt, NULL);
    if (err == 0) err = use_runtime(rt, where);
    memory_fail_after(0);
    CHECK_EQ(mm_rt_free(rt, 10000), 0);
    if (err == 0) {
      CHECK(n > 10);
      return;
    }
    if (!is_failure(err)) CHECK_EQ(err, -MM_ENOMEM);
  }
}

int main(void) {
  each_allocation_may_fail(MM_THREAD);
  each_allocation_may_fail(MM_INLINE);
  return 0;
}

#else
int main(void) { return 0; }
#endif
