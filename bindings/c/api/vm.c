/* SPDX-License-Identifier: MIT */
/* manymoons.h: VMs. */
#include "c/api/api.h"
#include "c/embedded_vm.h"
#include "os/clock.h"
#include "state/lua_compat.h"
#include "state/vm_libraries.h"

_Static_assert((int)MM_LIB_SAFE == (int)VM_LIB_SAFE && (int)MM_LIB_IO == (int)VM_LIB_IO &&
                   (int)MM_LIB_OS == (int)VM_LIB_OS && (int)MM_LIB_PACKAGE == (int)VM_LIB_PACKAGE &&
                   (int)MM_LIB_DEBUG == (int)VM_LIB_DEBUG && (int)MM_LIB_FFI == (int)VM_LIB_FFI &&
                   (int)MM_LIB_ALL == (int)VM_LIB_ALL,
               "the same bits");

static bool is_right(const mm_vm_config *c) {
  const bool is_somewhere = c->where == MM_THREAD || c->where == MM_PROCESS || c->where == MM_INLINE;
  return is_somewhere && !(c->libs & ~(unsigned)MM_LIB_ALL) && c->nice >= 0 && c->nice <= 19;
}

int mm_vm_create(mm_rt *rt, mm_vm **out, const mm_vm_config *config) {
  mm_vm_config copy;
  mm_vm_config_init(&copy);
  if (!rt || !out || (config && !api_copy_config(&copy, sizeof copy, config)) || !is_right(&copy))
    return -MM_EINVAL;
  return api_result(embedded_vm_make(rt, &copy, out));
}

void mm_vm_free(mm_vm *vm) {
  if (vm) embedded_vm_give_up(vm);
}

mm_vm *mm_vm_of(lua_State *L) { return L ? embedded_state_owner(L) : NULL; }

void *mm_vm_user(const mm_vm *vm) { return vm ? vm->config.user : NULL; }

int mm_vm_interrupt(mm_vm *vm) { return vm ? -embedded_vm_interrupt(vm) : -MM_EINVAL; }

int mm_vm_kill(mm_vm *vm) { return vm ? -embedded_vm_kill(vm) : -MM_EINVAL; }

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
  if (!vm || !out || out->size < sizeof out->size) return -MM_EINVAL;
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
