/* SPDX-License-Identifier: MIT */
/* manymoons.h: jobs. */
#include "c/job.h"

#include <errno.h>

#include "base/memory.h"
#include "c/api/api.h"
#include "c/embedded_vm.h"
#include "c/runtime.h"
#include "c/value.h"

void mm_job_opts_init(mm_job_opts *opts) { *opts = (mm_job_opts){.size = sizeof *opts}; }

/* ---- submitting ------------------------------------------------------------------------------ */

/* Submits a job with a complete request. Takes the caller's share in it. */
static int submit(mm_vm *vm, mm_job *j, mm_job **out, const mm_job_opts *opts) {
  j->done = opts->done;
  j->done_argument = opts->ud;
  j->timeout_ms = opts->timeout_ms;
  j->priority = opts->priority;
  j->is_watched = out || opts->done;
  const int err = embedded_vm_submit(vm, j);
  if (err || !out)
    job_release(j);
  else
    *out = j;
  return err;
}

static bool read_opts(mm_job_opts *to, const mm_job_opts *from) {
  mm_job_opts_init(to);
  return !from || api_copy_config(to, sizeof *to, from);
}

int mm_eval(mm_vm *vm, mm_job **out, const char *chunkname, const char *source, size_t length,
            const mm_job_opts *opts) {
  mm_job_opts copy;
  if (!vm || !source || !read_opts(&copy, opts)) return -MM_EINVAL;
  mm_job *j = job_make();
  if (!j) return -MM_ENOMEM;
  const char *name = chunkname ? chunkname : "eval";
  const size_t size = length == MM_ZERO ? strlen(source) : length;
  j->request.kind = REQUEST_EVAL;
  j->request.name = memory_copy_text(name, strlen(name));
  j->request.source = memory_copy_text(source, size);
  j->request.source_size = size;
  if (j->request.name && j->request.source) return submit(vm, j, out, &copy);
  job_release(j);
  return -MM_ENOMEM;
}

int mm_call(mm_vm *vm, mm_job **out, const char *function, const mm_val *args, const mm_job_opts *opts) {
  mm_job_opts copy;
  if (!vm || !function || !*function || !read_opts(&copy, opts)) return -MM_EINVAL;
  mm_job *j = job_make();
  if (!j) return -MM_ENOMEM;
  j->request.kind = REQUEST_CALL;
  j->request.name = memory_copy_text(function, strlen(function));
  const status st = args ? value_to_message(args, &j->request.message) : STATUS_OK;
  if (j->request.name && st == STATUS_OK) return submit(vm, j, out, &copy);
  job_release(j);
  return st ? api_result(st) : -MM_ENOMEM;
}

/* ---- state and outcome ----------------------------------------------------------------------- */

int mm_job_state(const mm_job *job) {
  if (!job) return -MM_EINVAL;
  return job_has_ended(job) ? job->outcome.state : 0;
}

static status wait_inline(mm_job *job, deadline until) {
  const status st = runtime_wait_inline(job->vm->rt, job, until);
  return st == -EAGAIN && deadline_is_now(until) ? STATUS_TIMEOUT : st;
}

int mm_job_wait(mm_job *job, int timeout_ms) {
  if (!job) return -MM_EINVAL;
  const deadline until = api_deadline(timeout_ms);
  const bool is_inline = !job_has_ended(job) && job->vm->config.where == MM_INLINE;
  const status st = is_inline ? wait_inline(job, until) : job_wait(job, &job->vm->wait_spin, until);
  if (st == -EAGAIN) return -MM_EINVAL;
  return st ? -MM_ETIMEOUT : job->outcome.state;
}

int mm_job_cancel(mm_job *job) {
  if (!job) return -MM_EINVAL;
  return job_has_ended(job) ? MM_OK : -embedded_vm_cancel(job->vm, job);
}

const mm_val *mm_job_result(const mm_job *job) {
  return mm_job_state(job) == 1 && job->outcome.result ? &job->outcome.result->root : NULL;
}

const char *mm_job_error(const mm_job *job) {
  return job && job_has_ended(job) && job->outcome.error ? job->outcome.error : "";
}

void mm_job_free(mm_job *job) {
  if (job) job_release(job);
}

/* ---- functions of the program ---------------------------------------------------------------- */

int mm_vm_with_state(mm_vm *vm, int (*fn)(lua_State *L, void *ud), void *ud) {
  if (!vm || !fn) return -MM_EINVAL;
  if (vm->config.where == MM_PROCESS) return -MM_EUNSUPPORTED;
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  mm_job *j = job_make(), *job = NULL;
  if (!j) return -MM_ENOMEM;
  j->request.kind = REQUEST_FUNCTION;
  j->request.function = fn;
  j->request.function_argument = ud;
  const int err = submit(vm, j, &job, &opts);
  if (err) return err;
  const int state = mm_job_wait(job, -1);
  const int result = state == 1 ? job->outcome.value : state;
  if (state < 0) runtime_log(vm->rt, MM_LOG_ERROR, vm, mm_job_error(job));
  if (!job_has_ended(job)) embedded_vm_cancel(vm, job);
  job_release(job);
  return result;
}
