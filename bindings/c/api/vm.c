/* SPDX-License-Identifier: MIT */
/* manymoons.h: VMs. */
#include <errno.h>

#include "c/api/api.h"
#include "c/embedded_vm.h"
#include "c/runtime.h"
#include "os/clock.h"
#include "state/lua_compat.h"
#include "state/vm_libraries.h"

_Static_assert((int)MM_LIB_SAFE == (int)VM_LIB_SAFE && (int)MM_LIB_IO == (int)VM_LIB_IO &&
                   (int)MM_LIB_OS == (int)VM_LIB_OS && (int)MM_LIB_PACKAGE == (int)VM_LIB_PACKAGE &&
                   (int)MM_LIB_DEBUG == (int)VM_LIB_DEBUG && (int)MM_LIB_FFI == (int)VM_LIB_FFI &&
                   (int)MM_LIB_ALL == (int)VM_LIB_ALL,
               "the same bits");

static int check_config(const mm_vm_config *c) {
  static const char function[] = "mm_vm_create: config";
  if (c->where != MM_THREAD && c->where != MM_PROCESS && c->where != MM_INLINE)
    return api_refuse(MM_EINVAL, "%s.where: MM_THREAD, MM_PROCESS or MM_INLINE expected, got %d", function,
                      (int)c->where);
  if (c->libs & ~(unsigned)(MM_LIB_ALL | MM_LIB_REQUIRE))
    return api_refuse(MM_EINVAL, "%s.libs: MM_LIB_… expected, got %#x", function, c->libs);
  if (c->nice < 0 || c->nice > 19)
    return api_refuse(MM_EINVAL, "%s.nice: 0 to 19 expected, got %d", function, c->nice);
  if (c->poll_instructions && c->where != MM_INLINE)
    return api_refuse(MM_EUNSUPPORTED, "%s.poll_instructions: MM_INLINE VMs alone have it", function);
  return MM_OK;
}

int mm_vm_create(mm_rt *rt, mm_vm **out, const mm_vm_config *config) {
  mm_vm_config copy;
  mm_vm_config_init(&copy);
  char error[EMBEDDED_STATE_ERROR_MAX] = "";
  if (!rt || !out) return api_refuse_null("mm_vm_create", rt ? "out" : "rt");
  if (config && api_copy_config("mm_vm_create", "config", &copy, sizeof copy, config)) return -MM_EINVAL;
  const int wrong = check_config(&copy);
  if (wrong) return wrong;
  const status st = embedded_vm_make(rt, &copy, out, error);
  const int err = api_status("mm_vm_create", st);
  if (error[0]) last_error_set("mm_vm_create: %s", error);
  return err;
}

void mm_vm_free(mm_vm *vm) {
  if (vm) embedded_vm_give_up(vm);
}

mm_vm *mm_vm_of(lua_State *L) { return L ? embedded_state_owner(L) : NULL; }

void *mm_vm_user(const mm_vm *vm) { return vm ? vm->config.user : NULL; }

int mm_vm_interrupt(mm_vm *vm) {
  if (!vm) return api_refuse_null("mm_vm_interrupt", "vm");
  if (embedded_vm_interrupt(vm) == MM_OK) return MM_OK;
  return api_refuse(MM_EUNSUPPORTED, "mm_vm_interrupt: VM '%s' is not stoppable", vm->name);
}

int mm_vm_kill(mm_vm *vm) {
  if (!vm) return api_refuse_null("mm_vm_kill", "vm");
  if (embedded_vm_kill(vm) == MM_OK) return MM_OK;
  return api_refuse(MM_EUNSUPPORTED, "mm_vm_kill: VM '%s' has no process", vm->name);
}

/* ---- the Lua VM itself ----------------------------------------------------------------------- */

int mm_vm_collect(mm_vm *vm, uint32_t budget_us) {
  if (!vm) return api_refuse_null("mm_vm_collect", "vm");
  bool is_over = false;
  if (vm->config.where == MM_INLINE) {
    if (runtime_collect_inline(vm->rt, vm, budget_us, &is_over) == STATUS_OK) return is_over;
    return api_refuse(MM_EAGAIN, "mm_vm_collect: a thread polls, or the caller is a `done` function");
  }
  mm_job *j = job_make();
  if (!j) return api_status("mm_vm_collect", -ENOMEM);
  j->request.kind = REQUEST_COLLECT;
  j->request.budget_us = budget_us;
  const int err = embedded_vm_submit(vm, j);
  job_release(j);
  return err ? api_refuse((mm_err)-err, "mm_vm_collect: VM '%s' takes no more jobs", vm->name) : MM_OK;
}

int mm_vm_reset(mm_vm *vm) {
  if (!vm) return api_refuse_null("mm_vm_reset", "vm");
  mm_job *j = job_make();
  if (!j) return api_status("mm_vm_reset", -ENOMEM);
  j->request.kind = REQUEST_RESET;
  j->is_watched = true;
  int err = embedded_vm_submit_reset(vm, j);
  if (err == -MM_ECLOSED) last_error_set("mm_vm_reset: VM '%s' was freed", vm->name);
  if (err == -MM_EUNSUPPORTED)
    last_error_set("mm_vm_reset: a job runs, and VM '%s' is not stoppable", vm->name);
  if (!err) err = mm_job_wait(j, -1);
  if (err == -MM_EDIED) last_error_set("mm_vm_reset: %s", mm_job_error(j));
  job_release(j);
  return err == 1 ? MM_OK : err;
}

/* ---- figures --------------------------------------------------------------------------------- */

static uint64_t us_of(int64_t ns) { return ns > 0 ? (uint64_t)ns / 1000 : 0; }

static void read_queue(mm_vm *vm, mm_vm_stats *s) {
  mutex_lock(&vm->lock);
  s->is_alive = !vm->is_dead;
  s->queued = vm->waiting_count;
  s->is_running = vm->running != NULL;
  if (vm->running) s->running_us = us_of(clock_now_ns() - vm->running_since_ns);
  mutex_unlock(&vm->lock);
}

int mm_vm_get_stats(mm_vm *vm, mm_vm_stats *out) {
  if (!vm || !out) return api_refuse_null("mm_vm_get_stats", vm ? "out" : "vm");
  if (out->size < sizeof out->size)
    return api_refuse(MM_EINVAL, "mm_vm_get_stats: out->size is %zu; sizeof *out expected", out->size);
  mm_vm_stats s = {.size = out->size, .where = vm->config.where};
  read_queue(vm, &s);
  s.jobs = atomic_load(&vm->jobs);
  s.busy_us = atomic_load(&vm->busy_ns) / 1000;
  s.memory = atomic_load(&vm->memory);
  s.memory_peak = atomic_load(&vm->memory_peak);
  s.os_id = vm->config.where == MM_INLINE ? 0 : atomic_load(&vm->os_id);
  memcpy(out, &s, out->size < sizeof s ? out->size : sizeof s);
  return MM_OK;
}
