/* SPDX-License-Identifier: MIT */
/* manymoons.h: jobs. */
#include "c/job.h"

#include <errno.h>

#include "base/memory.h"
#include "c/api/api.h"
#include "c/embedded_vm.h"
#include "c/runtime.h"
#include "c/values/value.h"

void mm_job_opts_init(mm_job_opts *opts) { *opts = (mm_job_opts){.size = sizeof *opts}; }

/* ---- submitting ------------------------------------------------------------------------------ */

/* Says why a VM does not take a job. */
static int refuse(const char *function, const mm_vm *vm, const mm_job_opts *opts, int err) {
  switch (err) {
    case -MM_EDIED: return api_refuse(MM_EDIED, "%s: the process of VM '%s' has died", function, vm->name);
    case -MM_ECLOSED: return api_refuse(MM_ECLOSED, "%s: VM '%s' was freed", function, vm->name);
    case -MM_EAGAIN:
      return api_refuse(MM_EAGAIN, "%s: %u jobs wait already (mm_vm_config.queue_max of VM '%s')", function,
                        vm->config.queue_max, vm->name);
    case -MM_EUNSUPPORTED:
      return api_refuse(MM_EUNSUPPORTED, "%s: opts.timeout_ms is %u, but VM '%s' is not stoppable", function,
                        opts->timeout_ms, vm->name);
    default: return err;
  }
}

/* Submits a job with a complete request. Takes the caller's share in it. */
static int submit(const char *function, mm_vm *vm, mm_job *j, mm_job **out, const mm_job_opts *opts) {
  j->done = opts->done;
  j->done_argument = opts->ud;
  j->timeout_ms = opts->timeout_ms;
  j->priority = opts->priority;
  j->request.coroutine = opts->coroutine;
  j->is_watched = out || opts->done;
  const int err = embedded_vm_submit(vm, j);
  if (err || !out)
    job_release(j);
  else
    *out = j;
  return refuse(function, vm, opts, err);
}

static int read_opts(const char *function, mm_job_opts *to, const mm_job_opts *from) {
  mm_job_opts_init(to);
  return from ? api_copy_config(function, "opts", to, sizeof *to, from) : MM_OK;
}

int mm_eval(mm_vm *vm, mm_job **out, const char *chunkname, const char *source, size_t length,
            const mm_job_opts *opts) {
  mm_job_opts copy;
  if (!vm || !source) return api_refuse_null("mm_eval", vm ? "source" : "vm");
  if (read_opts("mm_eval", &copy, opts)) return -MM_EINVAL;
  mm_job *j = job_make();
  if (!j) return api_status("mm_eval", -ENOMEM);
  const char *name = chunkname ? chunkname : "eval";
  const size_t size = length == MM_ZERO ? strlen(source) : length;
  j->request.kind = REQUEST_EVAL;
  j->request.name = memory_copy_text(name, strlen(name));
  j->request.source = memory_copy_text(source, size);
  j->request.source_size = size;
  if (j->request.name && j->request.source) return submit("mm_eval", vm, j, out, &copy);
  job_release(j);
  return api_status("mm_eval", -ENOMEM);
}

int mm_call(mm_vm *vm, mm_job **out, const char *function, const mm_val *args, const mm_job_opts *opts) {
  mm_job_opts copy;
  if (!vm || !function) return api_refuse_null("mm_call", vm ? "function" : "vm");
  if (!*function) return api_refuse(MM_EINVAL, "mm_call: function is empty");
  if (read_opts("mm_call", &copy, opts)) return -MM_EINVAL;
  mm_job *j = job_make();
  if (!j) return api_status("mm_call", -ENOMEM);
  j->request.kind = REQUEST_CALL;
  j->request.name = memory_copy_text(function, strlen(function));
  const status st = args ? value_to_message(args, &j->request.message) : STATUS_OK;
  if (j->request.name && st == STATUS_OK) return submit("mm_call", vm, j, out, &copy);
  job_release(j);
  if (st == STATUS_MALFORMED)
    return api_refuse(MM_EINVAL,
                      "mm_call: args: a value for Lua alone (MM_OTHER) can be sent with its whole list only");
  return api_status("mm_call", st ? st : -ENOMEM);
}

/* ---- state and outcome ----------------------------------------------------------------------- */

int mm_job_state(const mm_job *job) {
  if (!job) return api_refuse_null("mm_job_state", "job");
  return job_has_ended(job) ? job->outcome.state : 0;
}

static status wait_inline(mm_job *job, deadline until) {
  const status st = runtime_wait_inline(job->vm->rt, job, until);
  return st == -EAGAIN && deadline_is_now(until) ? STATUS_TIMEOUT : st;
}

int mm_job_wait(mm_job *job, int timeout_ms) {
  if (!job) return api_refuse_null("mm_job_wait", "job");
  const deadline until = api_deadline(timeout_ms);
  const bool is_inline = !job_has_ended(job) && job->vm->config.where == MM_INLINE;
  const status st = is_inline ? wait_inline(job, until) : job_wait(job, &job->vm->wait_spin, until);
  if (st == -EAGAIN)
    return api_refuse(MM_EINVAL, "mm_job_wait: a thread polls, or the caller is a `done` function");
  return st ? -MM_ETIMEOUT : job->outcome.state;
}

int mm_job_cancel(mm_job *job) {
  if (!job) return api_refuse_null("mm_job_cancel", "job");
  if (job_has_ended(job) || embedded_vm_cancel(job->vm, job) == MM_OK) return MM_OK;
  return api_refuse(MM_EUNSUPPORTED, "mm_job_cancel: it runs, and VM '%s' is not stoppable", job->vm->name);
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
  if (!vm || !fn) return api_refuse_null("mm_vm_with_state", vm ? "fn" : "vm");
  if (vm->config.where == MM_PROCESS)
    return api_refuse(MM_EUNSUPPORTED, "mm_vm_with_state: VM '%s' is in a process", vm->name);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  mm_job *job = job_make(), *submitted = NULL;
  if (!job) return api_status("mm_vm_with_state", -ENOMEM);
  job->request.kind = REQUEST_FUNCTION;
  job->request.function = fn;
  job->request.function_argument = ud;
  const int err = submit("mm_vm_with_state", vm, job, &submitted, &opts);
  if (err) return err;
  const int state = mm_job_wait(job, -1);
  const int result = state == 1 ? job->outcome.value : state;
  if (state < 0) {
    last_error_set("mm_vm_with_state: %s", mm_job_error(job));
    runtime_log(vm->rt, MM_LOG_ERROR, vm, mm_job_error(job));
  }
  if (!job_has_ended(job)) embedded_vm_cancel(vm, job);
  job_release(job);
  return result;
}
